using VirtualServices.Infer.Turns;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Replays;

/// <summary>Finds the gate that applies to a call, in the order that enforcement has, too.</summary>
internal sealed class GateBook
{
    private readonly RuleSet _rules;
    private readonly GatePrecedence _precedence;
    private readonly Gate[][][] _gates; // service, call -> gates in the order of the file

    public GateBook(RuleSet rules)
    {
        _rules = rules;
        _precedence = new GatePrecedence(rules);
        _gates = new Gate[rules.Services.Count][][];
        for (int service = 0; service < _gates.Length; service++)
        {
            string name = rules.Services[service].Name;
            _gates[service] = [.. Enum.GetValues<GateCall>().Select(call => rules.Gates.Where(g => g.Service == name && g.On == call && g.State != GateState.Rejected).ToArray())];
        }
    }

    /// <summary>The gate for a call of a service, or null.</summary>
    public Gate? Find(int service, GateCall call, ConnectionEnd? end, int requester)
    {
        string? name = requester < 0 ? null : _rules.VirtualServices[requester].Name;
        Gate? winner = null;
        foreach (Gate gate in _gates[service][(int)call])
        {
            if (gate.When.Listen is { } listen && (end is not { Role: SocketRole.Server } || !listen.Matches(end.Protocol, end.Local))) continue;
            if (gate.When.Requesters is not null && !_precedence.Names(gate, name)) continue;
            if (winner is null || _precedence.Compare(gate, winner, name) > 0) winner = gate;
        }

        return winner;
    }
}
