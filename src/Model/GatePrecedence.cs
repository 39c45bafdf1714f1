namespace VirtualServices.Model;

/// <summary>
/// Which of several gates acts where more than one matches: the one naming the virtual service with the highest priority, then the most specific one, then the one that stands first.
/// A gate names the virtual service in its <c>classify</c> and, for a requester in its <c>when.requester</c>, that requester. Check, replay and enforcement all ask here.
/// </summary>
public sealed class GatePrecedence
{
    private readonly Dictionary<string, int> _priorities;
    private readonly Dictionary<Gate, HashSet<string>> _requesters = new(ReferenceEqualityComparer.Instance);

    /// <summary>Takes the priorities from the rule set.</summary>
    public GatePrecedence(RuleSet rules)
    {
        ArgumentNullException.ThrowIfNull(rules);
        _priorities = rules.VirtualServices.ToDictionary(vs => vs.Name, vs => vs.Priority, StringComparer.Ordinal);
        foreach (Gate gate in rules.Gates)
            if (gate.When.Requesters is { } names) _requesters[gate] = names.ToHashSet(StringComparer.Ordinal);
    }

    /// <summary>True where the gate is narrowed to requesters, this one among them.</summary>
    public bool Names(Gate gate, string? requester)
    {
        ArgumentNullException.ThrowIfNull(gate);
        if (requester is null || gate.When.Requesters is null) return false;
        return _requesters.TryGetValue(gate, out HashSet<string>? names) ? names.Contains(requester) : gate.When.Requesters.Contains(requester);
    }

    /// <summary>Above zero where gate <paramref name="a"/> beats <paramref name="b"/> for a request of the given virtual service; zero: whichever stands first acts.</summary>
    /// <param name="a">A gate that matches.</param>
    /// <param name="b">Another gate that matches.</param>
    /// <param name="requester">Virtual service of the requester, or null where there is none or it is not known.</param>
    public int Compare(Gate a, Gate b, string? requester)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        int byPriority = PriorityOf(a, requester).CompareTo(PriorityOf(b, requester));
        return byPriority != 0 ? byPriority : Specificity(a).CompareTo(Specificity(b));
    }

    /// <summary>How narrow a gate is: requesters count more than addresses, an address with a host more than a port alone.</summary>
    public static int Specificity(Gate gate)
    {
        ArgumentNullException.ThrowIfNull(gate);
        int listen = gate.When.Listen switch
        {
            null => 0,
            { Address: null, Protocol: not TransportProtocol.Unix } => 1,
            _ => 2,
        };
        return (gate.When.Requesters is null ? 0 : 3) + listen;
    }

    // A gate that names nobody loses to each that names somebody: long, to be below every priority.
    internal long PriorityOf(Gate gate, string? requester)
    {
        long highest = long.MinValue;
        if (gate.Classify.Kind == ClassificationKind.Named) highest = _priorities.GetValueOrDefault(gate.Classify.VirtualService);
        if (Names(gate, requester)) highest = Math.Max(highest, _priorities.GetValueOrDefault(requester!));
        return highest;
    }
}
