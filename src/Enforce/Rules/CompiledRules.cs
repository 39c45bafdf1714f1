using VirtualServices.Enforce.Kernel;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Rules;

/// <summary>A rule set as the kernel's maps hold it. Conflicts are resolved: for an endpoint and a requester at most one rule is found.</summary>
/// <param name="VirtualServices">All, with their numbers, parents before children.</param>
/// <param name="Services">Services that gates refer to, with their numbers.</param>
/// <param name="Endpoints">Addresses that gates refer to, with their numbers.</param>
/// <param name="Entries">Rules; the generation in the keys is still 0.</param>
/// <param name="Gates">Approved gates, with their numbers.</param>
internal sealed record CompiledRules(
    IReadOnlyList<(uint Id, VirtualService VirtualService)> VirtualServices,
    IReadOnlyList<(uint Id, Service Service)> Services,
    IReadOnlyList<(uint Id, ListenAddress Address)> Endpoints,
    IReadOnlyDictionary<RuleKey, Rule> Entries,
    IReadOnlyList<(uint Id, Gate Gate)> Gates)
{
    /// <summary>Where sockets are counted; empty where there is no limit.</summary>
    public IReadOnlyList<CounterPlan> Counters { get; init; } = [];

    /// <summary>The rule for a call, found as the kernel finds it; null where there is none.</summary>
    public Rule? Find(uint service, uint endpoint, uint requester, GateCall call = GateCall.Receive)
    {
        RuleKey key = new(0, service, RuleCompiler.Number(call), endpoint, requester);
        if (Entries.TryGetValue(key, out Rule rule)) return rule;
        return Entries.TryGetValue(key with { Requester = IdTable.None }, out rule) ? rule : null;
    }

    /// <summary>Calls at which each service has gates, one bit each, and whether some bind single requests or threads.</summary>
    public IReadOnlyDictionary<uint, uint> Calls()
    {
        Dictionary<uint, uint> calls = [];
        foreach ((RuleKey key, Rule rule) in Entries) calls[key.Service] = calls.GetValueOrDefault(key.Service) | (1u << (int)key.Call) | ScopeBit((BindScope)rule.Scope);
        return calls;
    }

    /// <summary>True where what a thread does need not be told apart from what its process does: nothing binds threads or requests, and no send passes a gate.</summary>
    public bool BindsWholeProcesses => Entries.All(entry => (BindScope)entry.Value.Scope is BindScope.Process or BindScope.Connection && entry.Key.Call != RuleCompiler.Number(GateCall.Send));

    // BINDS_REQUESTS and BINDS_THREADS in gates.h.
    private static uint ScopeBit(BindScope scope) => scope switch
    {
        BindScope.Request => 1u << 0,
        BindScope.Thread => 1u << 8,
        _ => 0,
    };

    /// <summary>Services whose gates re-bind connections and requests only: their processes stay in the cgroup that they have.</summary>
    public IReadOnlySet<uint> Stationary()
    {
        HashSet<string> moving = [.. Gates.Where(gate => gate.Gate.Binds is not (BindScope.Connection or BindScope.Request)).Select(gate => gate.Gate.Service)];
        return Services.Where(service => !moving.Contains(service.Service.Name)).Select(service => service.Id).ToHashSet();
    }

    /// <summary>Services with gates that bind single requests: theirs are admitted one by one.</summary>
    public IReadOnlyList<(uint Id, Service Service)> Admitted()
    {
        HashSet<string> bound = [.. Gates.Where(gate => gate.Gate.Binds == BindScope.Request).Select(gate => gate.Gate.Service)];
        return [.. Services.Where(service => bound.Contains(service.Service.Name))];
    }

    /// <summary>Virtual service that a rule chooses for a requester (0: unknown); null where it keeps the present one.</summary>
    public static uint? Choose(Rule rule, uint requester) => (ClassificationKind)rule.Classify switch
    {
        ClassificationKind.Named => rule.VirtualService,
        ClassificationKind.Requester => requester == IdTable.None ? IdTable.BestEffort : requester,
        _ => null, // keep; and who made a connection that is older than the gates is not known
    };
}
