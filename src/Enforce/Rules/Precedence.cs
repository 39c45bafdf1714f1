using VirtualServices.Model;

namespace VirtualServices.Enforce.Rules;

/// <summary>Which of several matching gates acts: the one naming the virtual service with the highest priority, then the most specific, then the first in the file.</summary>
internal sealed class Precedence(RuleSet rules)
{
    private readonly Dictionary<string, int> _priorities = rules.VirtualServices.ToDictionary(vs => vs.Name, vs => vs.Priority, StringComparer.Ordinal);
    private readonly Dictionary<Gate, HashSet<string>> _requesters = Requesters(rules);

    /// <summary>True where the gate is narrowed to requesters, this one among them.</summary>
    public bool Names(Gate gate, string? requester) => requester is not null && _requesters.TryGetValue(gate, out HashSet<string>? names) && names.Contains(requester);

    /// <summary>The gate that acts; null where there is none.</summary>
    public Gate? Winner(IEnumerable<Gate> matching, string? requester)
    {
        Gate? winner = null;
        foreach (Gate gate in matching)
            if (winner is null || (Priority(gate, requester), Specificity(gate)).CompareTo((Priority(winner, requester), Specificity(winner))) > 0) winner = gate;
        return winner;
    }

    // A gate that names nobody loses to each that names somebody.
    private long Priority(Gate gate, string? requester)
    {
        long highest = long.MinValue;
        if (gate.Classify.Kind == ClassificationKind.Named) highest = _priorities.GetValueOrDefault(gate.Classify.VirtualService);
        if (Names(gate, requester)) highest = Math.Max(highest, _priorities.GetValueOrDefault(requester!));
        return highest;
    }

    private static Dictionary<Gate, HashSet<string>> Requesters(RuleSet rules)
    {
        Dictionary<Gate, HashSet<string>> all = new(ReferenceEqualityComparer.Instance);
        foreach (Gate gate in rules.Gates)
            if (gate.When.Requesters is { } names) all[gate] = names.ToHashSet(StringComparer.Ordinal);
        return all;
    }

    // Requesters count more than addresses, an address with a host more than a port alone.
    private static int Specificity(Gate gate) => (gate.When.Requesters is null ? 0 : 3) + gate.When.Listen switch
    {
        null => 0,
        { Address: null, Protocol: not TransportProtocol.Unix } => 1,
        _ => 2,
    };
}
