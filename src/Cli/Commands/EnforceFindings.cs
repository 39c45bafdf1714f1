using VirtualServices.Enforce;
using VirtualServices.Model;
using VirtualServices.Rules;

namespace VirtualServices.Cli.Commands;

/// <summary>What <c>vs enforce</c> would refuse of a rule file, with the lines.</summary>
internal static class EnforceFindings
{
    /// <summary>
    /// Warnings for <c>vs check</c> and the review: another host may know the unit, an option of <c>vs enforce</c> may make it possible. Proposed gates are looked at as if they were approved: their reviewer
    /// should know before, not after.
    /// </summary>
    public static IEnumerable<Finding> Of(RuleDocument document)
    {
        RuleSet rules = Effective(document);
        HashSet<string> proposed = [.. rules.Gates.Where(gate => gate.State == GateState.Proposed).Select(gate => gate.Id)];
        RuleSet approved = rules with { Gates = [.. rules.Gates.Select(gate => proposed.Contains(gate.Id) ? gate with { State = GateState.Approved } : gate)] };
        foreach (Refusal refusal in Refusal.Find(approved, audit: false))
        {
            string when = refusal.Part == RefusedPart.Gate && proposed.Contains(refusal.Name) ? " once it is approved" : "";
            yield return new Finding(Severity.Warning, SubjectOf(refusal), LineOf(document, refusal), $"vs enforce would refuse this{when}: {refusal.Text}");
        }
    }

    /// <summary>What the checks and an enforcer have to say of a rule file, by line. Of a gate that has errors these alone: an enforcer would say most of them again.</summary>
    public static IReadOnlyList<Finding> WithChecks(RuleDocument document, HostCapacity? capacity)
    {
        IReadOnlyList<Finding> found = RuleChecker.Check(document, capacity);
        HashSet<string> broken = [.. found.Where(finding => finding.Severity == Severity.Error && finding.Subject.StartsWith("gate ", StringComparison.Ordinal)).Select(finding => finding.Subject)];
        return [.. found.Concat(Of(document).Where(finding => !broken.Contains(finding.Subject))).OrderBy(finding => finding.Line).ThenBy(finding => finding.Severity)];
    }

    /// <summary>Throws for all of them.</summary>
    /// <param name="document">Where the rules stand.</param>
    /// <param name="rules">The rules as they are to be enforced.</param>
    /// <param name="audit">True where gates are only to classify and count.</param>
    public static void Refuse(RuleDocument document, RuleSet rules, bool audit)
    {
        string[] lines = Lines(document, Refusal.Find(rules, audit));
        if (lines.Length > 0) throw new VsException(ExitCode.BadInput, string.Join(Environment.NewLine, lines));
        RefuseHost(document, Refusal.FindOnThisHost(rules, audit));
    }

    /// <summary>Throws where this host lacks something.</summary>
    /// <param name="document">Where the rules stand.</param>
    /// <param name="refusals">What it cannot do.</param>
    internal static void RefuseHost(RuleDocument document, IReadOnlyList<Refusal> refusals)
    {
        if (refusals.Count > 0) throw new VsException(ExitCode.HostLacks, $"this host cannot enforce these rules, nothing was changed:{Environment.NewLine}{string.Join(Environment.NewLine, Lines(document, refusals))}");
    }

    private static string[] Lines(RuleDocument document, IEnumerable<Refusal> refusals) =>
        [.. refusals
            .Select(refusal => (Line: LineOf(document, refusal), Text: $"{SubjectOf(refusal)}: {refusal.Text}"))
            .OrderBy(reason => reason.Line)
            .Select(reason => FormattableString.Invariant($"{document.Path}:{reason.Line}: {reason.Text}"))];

    /// <summary>The rules with the states that count: a gate that was edited after its approval is proposed.</summary>
    public static RuleSet Effective(RuleDocument document) =>
        document.Rules with { Gates = [.. document.Rules.Gates.Select(gate => gate with { State = document.EffectiveState(gate) })] };

    private static string SubjectOf(Refusal refusal) => refusal.Part switch
    {
        RefusedPart.VirtualService => $"virtual service '{refusal.Name}'",
        RefusedPart.Service => $"service '{refusal.Name}'",
        _ => $"gate '{refusal.Name}'",
    };

    private static int LineOf(RuleDocument document, Refusal refusal) => refusal.Part switch
    {
        RefusedPart.VirtualService => document.LineOfVirtualService(refusal.Name, refusal.Place.Split('.')),
        RefusedPart.Service => document.LineOfService(refusal.Name, refusal.Place.Split('.')),
        _ => document.LineOfGate(refusal.Name, refusal.Place.Split('.')),
    };
}
