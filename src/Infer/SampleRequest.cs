using System.Globalization;
using VirtualServices.Infer.Links;

namespace VirtualServices.Infer;

/// <summary>A request that was seen, with all that was done for it: an example to look at.</summary>
/// <param name="Session">Session in which it was seen.</param>
/// <param name="Service">Service at which it entered.</param>
/// <param name="StartNs">When it began, ns of the session's clock.</param>
/// <param name="VirtualService">For whom, or null where unknown.</param>
/// <param name="Steps">Who did what, in the order in which it was caused.</param>
public sealed record SampleRequest(string Session, string Service, long StartNs, string? VirtualService, IReadOnlyList<RequestStep> Steps)
{
    internal static SampleRequest Of(SampleTree tree, string session, string? vs)
    {
        long start = tree.Steps.Min(step => step.SentNs);
        return new SampleRequest(session, tree.Service, start, vs, [.. tree.Steps.Select(step => new RequestStep(
            step.Parent, step.Service, step.Pid, step.SentNs - start, Math.Max(step.FromNs, step.SentNs) - start, Math.Max(step.UntilNs, step.SentNs) - start, step.Parent < 0 ? "" : HowKnown(step)))]);
    }

    private static string HowKnown(SampleStep step) => step.Proof switch
    {
        LinkProof.SameThread => "the thread that received the request made the call before it answered",
        LinkProof.OnlyConnection => "its process served one connection in its life",
        LinkProof.Told => "both ends of the connection, or the source itself",
        _ => string.Create(CultureInfo.InvariantCulture, $"estimated from times and order; sure to {Words.Percent(step.Confidence)}"),
    };
}

/// <summary>What one process did for a request.</summary>
/// <param name="Parent">Index of the step that caused it, -1 for none.</param>
/// <param name="Service">Service, or who was asked where that was not recorded.</param>
/// <param name="Pid">Process, 0 where it was not recorded.</param>
/// <param name="SentNs">When it was asked, ns since the sample's start.</param>
/// <param name="FromNs">When the request was there.</param>
/// <param name="UntilNs">Last byte of the answer.</param>
/// <param name="HowKnown">Why it is known to be for the step above, empty for the first.</param>
public sealed record RequestStep(int Parent, string Service, int Pid, long SentNs, long FromNs, long UntilNs, string HowKnown);
