using VirtualServices.Rules.Checks;

namespace VirtualServices.Rules;

/// <summary>
/// Finds what the strict reader cannot: gates that never act, contradict each other or make no sense for their call, shares that cannot be met, approvals that no longer hold.
/// </summary>
public static class RuleChecker
{
    /// <summary>Checks a rule file.</summary>
    /// <param name="document">The file.</param>
    /// <param name="capacity">What the machine has; null to leave out what depends on it.</param>
    /// <returns>Findings by line; empty where all is well.</returns>
    public static IReadOnlyList<Finding> Check(RuleDocument document, HostCapacity? capacity = null)
    {
        ArgumentNullException.ThrowIfNull(document);
        return
        [
            .. ShareChecks.Check(document, capacity)
                .Concat(FrontDoorChecks.Check(document))
                .Concat(CallChecks.Check(document))
                .Concat(ConflictChecks.Check(document))
                .Concat(ReviewChecks.Check(document))
                .OrderBy(finding => finding.Line)
                .ThenBy(finding => finding.Severity),
        ];
    }
}
