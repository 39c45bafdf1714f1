using System.CommandLine;
using System.Globalization;
using VirtualServices.Discover.Sessions;
using VirtualServices.Infer;
using VirtualServices.Infer.Output;
using VirtualServices.Model;
using VirtualServices.Rules;

namespace VirtualServices.Cli.Commands;

/// <summary><c>vs infer</c>: sessions to proposed rules.</summary>
internal static class InferCommand
{
    private const string Header = "Proposed by 'vs infer'. Nothing is enforced before a person has approved it: vs review, or vs approve.";

    internal sealed record Arguments(IReadOnlyList<string> Sessions, string Output, string? Links, string? Attribution, string? Report, bool Force);

    public static Command Create(CommandContext context)
    {
        var sessions = new Argument<string[]>("DIR") { Description = "Session folders; their evidence is added up", Arity = ArgumentArity.OneOrMore };
        var output = new Option<string>("--output", "-o") { Description = "Rule file to write", Required = true };
        var links = new Option<string?>("--links") { Description = "Also write the request that caused each outgoing call (JSON Lines)" };
        var attribution = new Option<string?>("--attribution") { Description = "Also write the virtual service of each request (JSON Lines)" };
        var report = new Option<string?>("--report") { Description = "Also write one self-contained page: map, evidence, gates, what is unknown and why" };
        var force = new Option<bool>("--force") { Description = "Overwrite a rule file even where a person has reviewed gates of it" };
        var command = new VsCommand(
            "infer",
            "Infers who works for whom from recorded sessions, and proposes a rule file. The same sessions give the same bytes. What is not certain is listed as unknown, never guessed.",
            "vs infer session -o rules.yaml --report report.html\nvs infer monday tuesday -o rules.yaml")
        { sessions, output, links, attribution, report, force };
        command.Run(result => Run(
            new Arguments(result.GetValue(sessions)!, result.GetValue(output)!, result.GetValue(links), result.GetValue(attribution), result.GetValue(report), result.GetValue(force)),
            context));
        return command;
    }

    internal static ExitCode Run(Arguments arguments, CommandContext context)
    {
        if (!arguments.Force) RefuseReviewed(arguments.Output);
        InferenceEngine engine = new();
        foreach (string folder in arguments.Sessions)
        {
            using SessionReader reader = SessionReader.Open(folder);
            engine.Add(reader);
        }

        InferenceResult result = engine.Complete();
        RuleFile.Save(arguments.Output, RuleText.Write(result.Rules, Header));
        if (arguments.Links is { } links) WriteEach(links, arguments.Sessions, LinkWriter.Write);
        if (arguments.Attribution is { } attribution) WriteEach(attribution, arguments.Sessions, (reader, writer) => AttributionWriter.Write(result, reader, writer));
        if (arguments.Report is { } report) WriteFile(report, writer => ReportWriter.Write(result, writer));
        Summarise(result, arguments, context.Out);
        return ExitCode.Done;
    }

    /// <summary>A review is a person's work: it is not thrown away by a command that can run again any time.</summary>
    private static void RefuseReviewed(string path)
    {
        if (!File.Exists(path)) return;
        int reviewed = RuleFile.Load(path).Rules.Gates.Count(gate => gate.State != GateState.Proposed);
        if (reviewed > 0)
            throw new VsException(ExitCode.Usage, $"{path} holds {reviewed} reviewed gates, which would be lost: write to another file, or add --force");
    }

    private static void Summarise(InferenceResult result, Arguments arguments, TextWriter output)
    {
        foreach (SessionFinding session in result.Sessions)
            output.WriteLine(Invariant($"session {session.Id}: {session.Events:N0} events in {session.DurationNs / 1e9:F1} s, {session.LostEvents:N0} lost{(session.Truncated ? ", cut" : "")}"));
        foreach (ServiceFinding service in result.Services)
        {
            output.WriteLine(Invariant($"service {service.Name}: {ModelEvidence.NameOf(service.Model)}{(service.Shared ? ", shared" : "")}"));
            if (!service.Shared) continue;
            foreach (IGrouping<string, Flow> requester in service.Flows.GroupBy(flow => flow.VirtualService ?? "unknown requesters", StringComparer.Ordinal))
                output.WriteLine(Invariant($"  works for {requester.Key}: {requester.Sum(flow => flow.Requests):N0} requests on {requester.Sum(flow => flow.Connections):N0} connections"));
        }

        foreach (Gate gate in result.Rules.Gates) output.WriteLine($"proposed {gate.Id}: {GateSentence.Of(gate)}");
        foreach (Unknown unknown in result.Unknowns) output.WriteLine($"unknown: {unknown.Subject}: {unknown.Reason}");
        output.WriteLine($"wrote {arguments.Output}: review it with 'vs review {arguments.Output}'");
    }

    private static void WriteEach(string path, IReadOnlyList<string> sessions, Action<SessionReader, TextWriter> write) => WriteFile(path, writer =>
    {
        foreach (string folder in sessions)
        {
            using SessionReader reader = SessionReader.Open(folder);
            write(reader, writer);
        }
    });

    private static void WriteFile(string path, Action<TextWriter> write)
    {
        try
        {
            using StreamWriter writer = new(path);
            writer.NewLine = "\n";
            write(writer);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VsException(e is UnauthorizedAccessException ? ExitCode.Permission : ExitCode.DoesNotHold, $"{path} cannot be written: {e.Message}", e);
        }
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
