using System.Globalization;
using Spectre.Console;
using VirtualServices.Model;
using VirtualServices.Rules;

namespace VirtualServices.Cli.Commands;

/// <summary>Shows one gate to its reviewer: the rule in words, what speaks for and against it, what it would do.</summary>
internal static class GateCard
{
    public static void Show(IAnsiConsole console, RuleDocument document, Gate gate, int number, int of)
    {
        console.WriteLine();
        console.Write(new Rule($"[bold]{Markup.Escape(gate.Id)}[/] ({number} of {of}, {Markup.Escape(document.Path)}:{document.LineOfGate(gate.Id)})") { Justification = Justify.Left });
        var grid = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(2)).AddColumn();
        Add(grid, "rule", GateSentence.Of(gate));
        Add(grid, "effect", GateSentence.EffectOf(gate));
        if (gate.State == GateState.Approved) Add(grid, "note", $"was approved by {gate.Review.By} at {gate.Review.At} and edited since");
        if (gate.Evidence is { } evidence) AddEvidence(grid, evidence);
        else Add(grid, "evidence", "none: a person wrote this gate");
        foreach (Finding finding in EnforceFindings.WithChecks(document, capacity: null).Where(finding => finding.Subject == $"gate '{gate.Id}'"))
            Add(grid, finding.Severity == Severity.Error ? "error" : "warning", finding.Text);
        console.Write(grid);
    }

    private static void AddEvidence(Grid grid, GateEvidence evidence)
    {
        Add(grid, "evidence", string.Create(
            CultureInfo.InvariantCulture,
            $"observed {evidence.Observed} in {evidence.Sessions} session(s): agreed {evidence.Agreed}, contradicted {evidence.Contradicted}, unknown {evidence.Unknown}; lost events {evidence.LostEvents}"));
        Add(grid, "confidence", string.Create(CultureInfo.InvariantCulture, $"{evidence.Confidence:0.####}{(evidence.Pattern.Length > 0 ? $", pattern {evidence.Pattern}" : "")}"));
        foreach (EvidenceSample sample in evidence.Samples.Take(3)) Add(grid, "sample", Text(sample));
        foreach (EvidenceSample sample in evidence.CounterExamples.Take(3)) Add(grid, "against", Text(sample));
    }

    private static string Text(EvidenceSample sample)
    {
        if (sample.Session.Length == 0) return sample.What;
        string requester = sample.Requester.Length > 0 ? $", asked by {sample.Requester}" : "";
        return string.Create(CultureInfo.InvariantCulture, $"{sample.What} (session {sample.Session}, {sample.TimeNs} ns, pid {sample.Pid}, connection {sample.Connection}{requester})");
    }

    /// <summary>Texts of the file are shown as they are, without markup and control codes.</summary>
    private static void Add(Grid grid, string name, string text) =>
        grid.AddRow(new Text(name, new Style(decoration: Decoration.Dim)), new Text(string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c))));
}
