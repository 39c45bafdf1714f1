using VirtualServices.Model;

namespace VirtualServices.Rules.Checks;

/// <summary>Gates that say the same, that never act because others always win, or that lose where one would not expect it.</summary>
internal static class ConflictChecks
{
    public static IEnumerable<Finding> Check(RuleDocument document)
    {
        RuleSet rules = document.Rules;
        var precedence = new GatePrecedence(rules);
        string?[] everybody = [.. rules.VirtualServices.Select(vs => vs.Name), null];
        Dictionary<string, int> places = Enumerable.Range(0, rules.VirtualServices.Count).ToDictionary(i => everybody[i]!, StringComparer.Ordinal);
        foreach (IGrouping<(string, GateCall), Gate> group in rules.Gates.Where(gate => gate.State != GateState.Rejected).GroupBy(gate => (gate.Service, gate.On)))
        {
            Gate[] gates = [.. group];
            var index = new GateIndex(gates, precedence);
            var first = new Dictionary<(ListenAddress?, string?, Classification, BindScope), int>();
            for (int i = 0; i < gates.Length; i++)
            {
                var says = (gates[i].When.Listen, Sorted(gates[i].When.Requesters), gates[i].Classify, gates[i].Binds);
                Finding? finding = first.TryAdd(says, i) ? Check(gates, i, index, OwnOf(gates[i]), document) : Twin(gates[i], gates[first[says]], document);
                if (finding is not null) yield return finding;
            }
        }

        string?[] OwnOf(Gate gate) => gate.When.Requesters is null ? everybody : [.. gate.When.Requesters.OrderBy(name => places[name])];
    }

    // A gate that is enforced does what it says until the other one is approved, too.
    private static Finding Twin(Gate gate, Gate first, RuleDocument document) => new(
        Pending(gate, first, document) ? Severity.Warning : Severity.Error, $"gate '{gate.Id}'", document.LineOfGate(gate.Id), $"says the same as gate '{first.Id}' in line {document.LineOfGate(first.Id)}; remove one of them");

    /// <param name="gates">Gates of the same call of the same service.</param>
    /// <param name="number">The one to check.</param>
    /// <param name="index">All of them.</param>
    /// <param name="own">Requesters that it matches, in the order of the file.</param>
    /// <param name="document">Where they stand.</param>
    private static Finding? Check(Gate[] gates, int number, GateIndex index, string?[] own, RuleDocument document)
    {
        Gate gate = gates[number];
        GateIndex.Place place = index.At(gate.When.Listen);
        if (place.Count == 1) return null; // itself
        int line = document.LineOfGate(gate.Id);
        string subject = $"gate '{gate.Id}'";
        var winners = new HashSet<int>();
        int lost = 0;
        int? surprise = null;
        string? surprised = null;
        foreach (string? requester in own)
        {
            int winner = place.FirstToBeat(number, requester);
            if (winner < 0) continue;
            lost++;
            winners.Add(winner);

            // Exceptions to a wide gate are what narrow gates are for; a wide gate that wins by priority is easily overlooked.
            if (GatePrecedence.Specificity(gates[winner]) < GatePrecedence.Specificity(gate))
            {
                surprise = winner;
                surprised = requester;
            }
        }

        if (own.Length > 0 && lost == own.Length)
        {
            string by = string.Join(", ", winners.Order().Select(i => $"'{gates[i].Id}' (line {document.LineOfGate(gates[i].Id)})"));
            return winners.Any(i => Pending(gate, gates[i], document))
                ? new Finding(Severity.Warning, subject, line, $"will never act once {by} is approved, which then always wins")
                : new Finding(Severity.Error, subject, line, $"never acts: for every requester {by} wins; remove it, narrow the other or raise the priority of the virtual service that it names");
        }

        return surprise is { } other
            ? new Finding(Severity.Warning, subject, line, $"loses to the wider gate '{gates[other].Id}' (line {document.LineOfGate(gates[other].Id)}) for requester '{surprised}': that one names a virtual service of higher priority")
            : null;
    }

    private static bool Pending(Gate gate, Gate other, RuleDocument document) =>
        document.EffectiveState(gate) == GateState.Approved && document.EffectiveState(other) != GateState.Approved;

    // Names hold no blank.
    private static string? Sorted(IReadOnlyList<string>? requesters) => requesters is null ? null : string.Join(' ', requesters.Order(StringComparer.Ordinal));
}
