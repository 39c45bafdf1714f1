using System.Globalization;
using System.Text;
using VirtualServices.Model;
using VirtualServices.Rules.Editing;
using VirtualServices.Rules.Reading;

namespace VirtualServices.Rules;

/// <summary>Writes a rule set as a rule file: the same rule set gives the same bytes on every machine, and reading it gives the rule set again.</summary>
public static class RuleText
{
    /// <summary>Writes the text of a rule file.</summary>
    /// <param name="rules">The rule set.</param>
    /// <param name="header">Comment at the top, may have several lines; empty for none.</param>
    public static string Write(RuleSet rules, string header)
    {
        ArgumentNullException.ThrowIfNull(rules);
        ArgumentNullException.ThrowIfNull(header);
        var text = new StringBuilder();
        foreach (string line in header.Length == 0 ? [] : header.ReplaceLineEndings("\n").Split('\n')) text.Append("# ".AsSpan(0, line.Length == 0 ? 1 : 2)).Append(Comment(line)).Append('\n');
        text.Append(CultureInfo.InvariantCulture, $"version: {RuleSet.FormatVersion}\n");
        WriteList(text, "virtualServices", rules.VirtualServices, WriteVirtualService);
        WriteList(text, "services", rules.Services, WriteService);
        WriteList(text, "gates", rules.Gates, WriteGate);
        return text.ToString();
    }

    /// <summary>One gate as it stands in a rule file's <c>gates</c>, for showing it.</summary>
    public static string WriteGate(Gate gate)
    {
        ArgumentNullException.ThrowIfNull(gate);
        var text = new StringBuilder();
        WriteGate(text, gate);
        return text.ToString();
    }

    private static void WriteList<T>(StringBuilder text, string key, IReadOnlyList<T> items, Action<StringBuilder, T> write)
    {
        text.Append(key).Append(items.Count == 0 ? ": []\n" : ":\n");
        foreach (T item in items) write(text, item);
    }

    private static void WriteVirtualService(StringBuilder text, VirtualService vs)
    {
        bool bestEffort = vs.Name == VirtualService.BestEffort;
        text.Append(CultureInfo.InvariantCulture, $"  - name: {vs.Name}\n");
        if (vs.Parent is not null) text.Append(CultureInfo.InvariantCulture, $"    parent: {vs.Parent}\n");
        if (vs.Priority != 0) text.Append(CultureInfo.InvariantCulture, $"    priority: {vs.Priority}\n");
        text.Append(CultureInfo.InvariantCulture, $"    cpu: {{ weight: {vs.Cpu.Weight}");
        if (vs.Cpu.Max is { } max) text.Append(CultureInfo.InvariantCulture, $", max: {max:R}");
        text.Append(" }\n");

        int defaultWeight = bestEffort ? VirtualServiceParser.BestEffortWeight : 100;
        if (vs.Network != new NetworkShare(defaultWeight))
        {
            text.Append(CultureInfo.InvariantCulture, $"    network: {{ weight: {vs.Network.Weight}");
            if (vs.Network.AssuredBitsPerSecond is { } assured) text.Append(", assured: ").Append(Units.FormatRate(assured));
            if (vs.Network.MaxBitsPerSecond is { } networkMax) text.Append(", max: ").Append(Units.FormatRate(networkMax));
            text.Append(" }\n");
        }

        if (vs.Limits is { } limits)
        {
            text.Append("    limits: { ");
            if (limits.Processes is { } processes) text.Append(CultureInfo.InvariantCulture, $"processes: {processes}, ");
            if (limits.Sockets is { } sockets) text.Append(CultureInfo.InvariantCulture, $"sockets: {sockets}, ");
            text.Append(CultureInfo.InvariantCulture, $"onLimit: {RuleWords.OnLimit(limits)} }}\n");
        }

        if (vs.FrontDoors.Count > 0) text.Append("    frontDoors: ").Append(SelectorList(vs.FrontDoors)).Append('\n');
    }

    private static void WriteService(StringBuilder text, Service service)
    {
        text.Append(CultureInfo.InvariantCulture, $"  - name: {service.Name}\n    match: ");
        text.Append(service.Match.Count == 1 ? SelectorText(service.Match[0]) : SelectorList(service.Match)).Append('\n');
    }

    private static void WriteGate(StringBuilder text, Gate gate)
    {
        text.Append(CultureInfo.InvariantCulture, $"  - id: {gate.Id}\n    service: {gate.Service}\n    on: {RuleWords.Of(gate.On)}\n");
        var when = new List<string>();
        if (gate.When.Listen is { } listen) when.Add($"listen: {YamlText.Write(listen.ToString())}");
        if (gate.When.Requesters is { } requesters) when.Add($"requester: [{string.Join(", ", requesters)}]");
        if (when.Count > 0) text.Append("    when: { ").AppendJoin(", ", when).Append(" }\n");
        text.Append(CultureInfo.InvariantCulture, $"    classify: {RuleWords.Of(gate.Classify)}\n    binds: {RuleWords.Of(gate.Binds)}\n    state: {RuleWords.Of(gate.State)}\n");
        if (gate.Evidence is { } evidence) WriteEvidence(text, evidence);
        text.Append("    review: ").Append(ReviewText(gate.Review)).Append('\n');
    }

    internal static string ReviewText(GateReview review) =>
        $"{{ by: {YamlText.Quote(review.By)}, at: {YamlText.Quote(review.At)}, note: {YamlText.Quote(review.Note)}, digest: {YamlText.Quote(review.Digest)} }}";

    private static void WriteEvidence(StringBuilder text, GateEvidence evidence)
    {
        text.Append("    evidence:\n");
        text.Append(CultureInfo.InvariantCulture, $"      sessions: {evidence.Sessions}\n");
        text.Append(CultureInfo.InvariantCulture, $"      observed: {evidence.Observed}\n");
        text.Append(CultureInfo.InvariantCulture, $"      agreed: {evidence.Agreed}\n");
        text.Append(CultureInfo.InvariantCulture, $"      contradicted: {evidence.Contradicted}\n");
        text.Append(CultureInfo.InvariantCulture, $"      unknown: {evidence.Unknown}\n");
        text.Append(CultureInfo.InvariantCulture, $"      lostEvents: {evidence.LostEvents}\n");
        text.Append(CultureInfo.InvariantCulture, $"      confidence: {evidence.Confidence:R}\n");
        text.Append(CultureInfo.InvariantCulture, $"      pattern: {YamlText.Write(evidence.Pattern)}\n");
        WriteSamples(text, "samples", evidence.Samples);
        WriteSamples(text, "counterExamples", evidence.CounterExamples);
    }

    private static void WriteSamples(StringBuilder text, string key, IReadOnlyList<EvidenceSample> samples)
    {
        if (samples.Count == 0) return;
        text.Append(CultureInfo.InvariantCulture, $"      {key}:\n");
        foreach (EvidenceSample sample in samples)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"        - {{ session: {YamlText.Write(sample.Session)}, ts: {sample.TimeNs}, pid: {sample.Pid}, conn: {sample.Connection}, requester: {YamlText.Write(sample.Requester)}, what: {YamlText.Quote(sample.What)} }}\n");
        }
    }

    private static string SelectorList(IReadOnlyList<Selector> selectors) => $"[ {string.Join(", ", selectors.Select(SelectorText))} ]";

    private static string SelectorText(Selector selector)
    {
        bool number = selector.Kind is SelectorKind.Pid or SelectorKind.Uid;
        return $"{{ {Selector.Keyword(selector.Kind)}: {(number ? selector.Value : YamlText.Write(selector.Value))} }}";
    }

    /// <summary>A comment holds no control characters: the strict reader would refuse the file.</summary>
    private static string Comment(string line) => string.Concat(line.Select(c => char.IsControl(c) || c is '\u2028' or '\u2029' ? ' ' : c));
}
