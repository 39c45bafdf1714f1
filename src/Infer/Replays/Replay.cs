using VirtualServices.Infer.Turns;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Replays;

/// <summary>Applies rules to a session as the enforcer would have: front doors by the inventory, gates at their calls, inheritance at fork. It knows nothing of what was inferred, so it checks that.</summary>
public static class Replay
{
    /// <summary>Reads a session to its end under the rules. Rejected gates are left out; proposed ones count as if approved.</summary>
    public static ReplayResult Run(RuleSet rules, IEventSource source)
    {
        ArgumentNullException.ThrowIfNull(rules);
        ArgumentNullException.ThrowIfNull(source);
        var simulation = new Simulation(rules, source);
        new SessionWalker(source, simulation).Run();
        return simulation.Result();
    }
}
