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
        foreach (IGrouping<(string, GateCall), Gate> group in rules.Gates.Where(gate => gate.State != GateState.Rejected).GroupBy(gate => (gate.Service, gate.On)))
        {
            Gate[] gates = [.. group];
            for (int i = 0; i < gates.Length; i++)
            {
                if (Check(gates, i, everybody, precedence, document) is { } finding) yield return finding;
            }
        }
    }

    private static Finding? Check(Gate[] gates, int index, string?[] everybody, GatePrecedence precedence, RuleDocument document)
    {
        Gate gate = gates[index];
        int line = document.LineOfGate(gate.Id);
        string subject = $"gate '{gate.Id}'";
        int twin = Array.FindIndex(gates, 0, index, other => SameCondition(other, gate) && other.Classify == gate.Classify && other.Binds == gate.Binds);
        if (twin >= 0) return new Finding(Severity.Error, subject, line, $"says the same as gate '{gates[twin].Id}' in line {document.LineOfGate(gates[twin].Id)}; remove one of them");

        int[] covering = [.. Enumerable.Range(0, gates.Length).Where(i => i != index && Covers(gates[i].When.Listen, gate.When.Listen))];
        if (covering.Length == 0) return null;
        string?[] own = [.. everybody.Where(requester => Matches(gate, requester))];
        var winners = new HashSet<int>();
        int lost = 0;
        int? surprise = null;
        string? surprised = null;
        foreach (string? requester in own)
        {
            int winner = covering.Where(i => Matches(gates[i], requester) && Wins(i, index, gates, requester, precedence)).DefaultIfEmpty(-1).First();
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
            bool pending = document.EffectiveState(gate) == GateState.Approved && winners.Any(i => document.EffectiveState(gates[i]) != GateState.Approved);
            return pending
                ? new Finding(Severity.Warning, subject, line, $"will never act once {by} is approved, which then always wins")
                : new Finding(Severity.Error, subject, line, $"never acts: for every requester {by} wins; remove it, narrow the other or raise the priority of the virtual service that it names");
        }

        return surprise is { } other
            ? new Finding(Severity.Warning, subject, line, $"loses to the wider gate '{gates[other].Id}' (line {document.LineOfGate(gates[other].Id)}) for requester '{surprised}': that one names a virtual service of higher priority")
            : null;
    }

    private static bool Wins(int a, int b, Gate[] gates, string? requester, GatePrecedence precedence)
    {
        int order = precedence.Compare(gates[a], gates[b], requester);
        return order > 0 || (order == 0 && a < b);
    }

    private static bool Matches(Gate gate, string? requester) => gate.When.Requesters is null || (requester is not null && gate.When.Requesters.Contains(requester));

    /// <summary>Whether every connection accepted at the inner address is also one of the outer.</summary>
    private static bool Covers(ListenAddress? outer, ListenAddress? inner) =>
        outer is null || outer == inner
        || (inner is not null && outer.Address is null && outer.Protocol == inner.Protocol && outer.Protocol != TransportProtocol.Unix && outer.Port == inner.Port);

    private static bool SameCondition(Gate a, Gate b) =>
        a.When.Listen == b.When.Listen
        && (a.When.Requesters is null) == (b.When.Requesters is null)
        && (a.When.Requesters ?? []).Order(StringComparer.Ordinal).SequenceEqual((b.When.Requesters ?? []).Order(StringComparer.Ordinal));
}
