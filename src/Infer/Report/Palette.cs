using System.Globalization;
using VirtualServices.Model;

namespace VirtualServices.Infer.Report;

/// <summary>One colour per virtual service, the same everywhere on the page.</summary>
internal sealed class Palette
{
    private readonly Dictionary<string, int> _colours = new(StringComparer.Ordinal);

    public Palette(InferenceResult result)
    {
        foreach (VirtualService vs in result.Rules.VirtualServices)
        {
            if (vs.Name != VirtualService.BestEffort) _colours.TryAdd(vs.Name, _colours.Count);
        }

        foreach (ServiceFinding service in result.Services)
        {
            foreach (Flow flow in service.Flows)
            {
                if (flow.VirtualService is { } known) _colours.TryAdd(known, _colours.Count);
            }
        }
    }

    /// <summary>Names in the order of their colours.</summary>
    public IEnumerable<string> Names => _colours.OrderBy(c => c.Value).Select(c => c.Key);

    /// <summary>Class for an area.</summary>
    public string Fill(string? vs) => "f" + Suffix(vs);

    /// <summary>Class for a line.</summary>
    public string Stroke(string? vs) => "s" + Suffix(vs);

    private string Suffix(string? vs) =>
        vs is not null && _colours.TryGetValue(vs, out int colour) ? (colour % ReportStyle.Colours).ToString(CultureInfo.InvariantCulture) : "n";
}
