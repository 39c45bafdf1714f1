using VirtualServices.Enforce.Kernel;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Rules;

/// <summary>Makes of the approved gates what the kernel looks up: for each endpoint and requester the one rule that wins.</summary>
internal static class RuleCompiler
{
    /// <summary>Number of a call in <c>gates.h</c>: <c>enum gate_call</c>.</summary>
    public static uint Number(GateCall call) => call switch
    {
        GateCall.Receive => 1,
        GateCall.Accept => 2,
        GateCall.Send => 3,
        GateCall.Connect => 4,
        GateCall.Fork => 5,
        GateCall.Exec => 6,
        GateCall.Socket => 7,
        _ => throw new ArgumentOutOfRangeException(nameof(call), call, "unknown call"),
    };

    /// <summary>Compiles; numbers come from the table, which gets the new names.</summary>
    /// <param name="rules">Rules.</param>
    /// <param name="ids">Numbers of names.</param>
    /// <param name="audit">True where gates only classify and count.</param>
    /// <exception cref="VsException">Something in the rule set cannot be enforced; it is refused as a whole.</exception>
    public static CompiledRules Compile(RuleSet rules, IdTable ids, bool audit = false)
    {
        ArgumentNullException.ThrowIfNull(rules);
        Refusals.Check(rules, audit);
        List<(uint, VirtualService)> virtualServices = [.. ParentsFirst(rules).Select(vs => (ids.Id(IdKind.VirtualService, vs.Name), vs))];
        Gate[] gates = [.. rules.Gates.Where(gate => gate.State == GateState.Approved)];
        List<(uint, Service)> services = [];
        Dictionary<uint, ListenAddress> endpoints = [];
        Dictionary<RuleKey, Rule> entries = [];
        GatePrecedence precedence = new(rules);
        foreach (Service service in rules.Services)
        {
            Gate[] own = [.. gates.Where(gate => gate.Service == service.Name)];
            if (own.Length == 0) continue;
            uint serviceId = ids.Id(IdKind.Service, service.Name);
            services.Add((serviceId, service));
            foreach (IGrouping<GateCall, Gate> call in own.GroupBy(gate => gate.On)) Expand(serviceId, Number(call.Key), [.. call], precedence, ids, endpoints, entries);
        }

        return new CompiledRules(
            virtualServices,
            services,
            [.. endpoints.Select(endpoint => (endpoint.Key, endpoint.Value))],
            entries,
            [.. gates.Select(gate => (ids.Id(IdKind.Gate, gate.Id), gate))])
        {
            Counters = LimitPlan.Of(virtualServices, ids, audit),
        };
    }

    // Every address and requester that a gate of the service names, and "any other" for both. A requester that no gate names
    // is looked up as any other, so the kernel needs two lookups at most.
    private static void Expand(uint service, uint call, Gate[] gates, GatePrecedence precedence, IdTable ids, Dictionary<uint, ListenAddress> endpoints, Dictionary<RuleKey, Rule> entries)
    {
        List<ListenAddress?> addresses = [null, .. gates.Select(gate => gate.When.Listen).OfType<ListenAddress>().Distinct()];
        List<string?> requesters = [null, .. gates.SelectMany(gate => gate.When.Requesters ?? []).Distinct(StringComparer.Ordinal)];
        foreach (ListenAddress? address in addresses)
        {
            uint endpoint = address is null ? 0 : ids.Id(IdKind.Endpoint, address.ToString());
            if (address is not null) endpoints[endpoint] = address;
            foreach (string? requester in requesters)
            {
                Gate? winner = precedence.Winner(gates.Where(gate => Applies(gate, address) && (gate.When.Requesters is null || precedence.Names(gate, requester))), requester);
                if (winner is null) continue;
                uint requesterId = requester is null ? 0 : ids.Id(IdKind.VirtualService, requester);
                uint named = winner.Classify.Kind == ClassificationKind.Named ? ids.Id(IdKind.VirtualService, winner.Classify.VirtualService) : 0;
                entries[new RuleKey(0, service, call, endpoint, requesterId)] = new Rule((uint)winner.Classify.Kind, named, (uint)winner.Binds, ids.Id(IdKind.Gate, winner.Id));
            }
        }
    }

    private static bool Applies(Gate gate, ListenAddress? address) => gate.When.Listen is null || (address is not null && Covers(gate.When.Listen, address));

    // tcp/5432 covers tcp/127.0.0.1:5432: the kernel finds the narrow endpoint first and then must not lose the wide gate.
    private static bool Covers(ListenAddress wide, ListenAddress narrow) =>
        wide.Equals(narrow) || (wide.Protocol == narrow.Protocol && wide.Protocol != TransportProtocol.Unix && wide.Address is null && wide.Port == narrow.Port);

    private static List<VirtualService> ParentsFirst(RuleSet rules)
    {
        List<VirtualService> ordered = [];
        HashSet<string> done = [];
        while (ordered.Count < rules.VirtualServices.Count)
        {
            int before = ordered.Count;
            foreach (VirtualService vs in rules.VirtualServices)
                if (!done.Contains(vs.Name) && (vs.Parent is null || done.Contains(vs.Parent)) && done.Add(vs.Name)) ordered.Add(vs);
            if (ordered.Count == before) throw VsException.BadInput("rules", $"the parents of {string.Join(", ", rules.VirtualServices.Where(vs => !done.Contains(vs.Name)).Select(vs => vs.Name))} do not lead to the root");
        }

        return ordered;
    }
}
