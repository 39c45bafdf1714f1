using VirtualServices.Infer.Turns;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Replays;

/// <summary>Finds the gate that applies to a call.</summary>
internal sealed class GateBook
{
    private readonly RuleSet _rules;
    private readonly Gate[][][] _gates; // service, call -> gates, the most specific first

    public GateBook(RuleSet rules)
    {
        _rules = rules;
        _gates = new Gate[rules.Services.Count][][];
        for (int service = 0; service < _gates.Length; service++)
        {
            string name = rules.Services[service].Name;
            _gates[service] = [.. Enum.GetValues<GateCall>().Select(call => rules.Gates
                .Where(g => g.Service == name && g.On == call && g.State != GateState.Rejected)
                .OrderByDescending(g => PriorityOf(g.Classify))
                .ThenByDescending(g => (g.When.Listen is null ? 0 : 1) + (g.When.Requesters is null ? 0 : 1))
                .ToArray())];
        }
    }

    /// <summary>The gate for a call of a service, or null. The one naming the virtual service with the highest priority wins, then the most specific, then the first.</summary>
    public Gate? Find(int service, GateCall call, ConnectionEnd? end, int requester)
    {
        foreach (Gate gate in _gates[service][(int)call])
        {
            if (gate.When.Listen is { } listen && (end is not { Role: SocketRole.Server } || !listen.Matches(end.Protocol, end.Local))) continue;
            if (gate.When.Requesters is { } requesters && (requester < 0 || !requesters.Contains(_rules.VirtualServices[requester].Name))) continue;
            return gate;
        }

        return null;
    }

    private int PriorityOf(Classification classification)
    {
        if (classification.Kind != ClassificationKind.Named) return 0;
        foreach (VirtualService vs in _rules.VirtualServices)
        {
            if (vs.Name == classification.VirtualService) return vs.Priority;
        }

        return 0;
    }
}
