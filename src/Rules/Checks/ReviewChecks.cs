using System.Globalization;
using VirtualServices.Model;

namespace VirtualServices.Rules.Checks;

/// <summary>Approvals that no longer hold and evidence that does not add up.</summary>
internal static class ReviewChecks
{
    public static IEnumerable<Finding> Check(RuleDocument document)
    {
        foreach (Gate gate in document.Rules.Gates)
        {
            string subject = $"gate '{gate.Id}'";
            if (gate.State != document.EffectiveState(gate))
            {
                string why = gate.Review.Digest.Length == 0 ? "says approved but carries no digest of what was approved" : "was edited after its approval";
                yield return new Finding(
                    Severity.Error, subject, document.LineOfGate(gate.Id, "state"),
                    $"{why}: it counts as proposed and is not enforced; approve it again: vs approve {document.Path} --gate {gate.Id} --by NAME");
            }

            if (gate.Evidence is { } evidence && (Int128)evidence.Agreed + evidence.Contradicted + evidence.Unknown != evidence.Observed)
            {
                yield return new Finding(
                    Severity.Warning, subject, document.LineOfGate(gate.Id, "evidence"),
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"evidence does not add up: agreed {evidence.Agreed} + contradicted {evidence.Contradicted} + unknown {evidence.Unknown} is not observed {evidence.Observed}"));
            }
        }
    }
}
