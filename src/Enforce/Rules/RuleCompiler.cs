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
    /// <param name="cancellation">Ends it early: a thousand gates at a thousand addresses for a thousand requesters take a second.</param>
    /// <exception cref="VsException">Something in the rule set cannot be enforced; it is refused as a whole.</exception>
    public static CompiledRules Compile(RuleSet rules, IdTable ids, bool audit = false, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(rules);
        Refusals.Check(rules, audit);
        List<(uint, VirtualService)> virtualServices = [.. ParentsFirst(rules).Select(vs => (ids.Id(IdKind.VirtualService, vs.Name), vs))];
        Gate[] gates = [.. rules.Gates.Where(gate => gate.State == GateState.Approved)];
        List<(uint, Service)> services = [];
        Dictionary<uint, ListenAddress> endpoints = [];
        Dictionary<RuleKey, Rule> entries = [];
        GatePrecedence precedence = new(rules);
        ILookup<string, Gate> byService = gates.ToLookup(gate => gate.Service, StringComparer.Ordinal);
        foreach (Service service in rules.Services)
        {
            if (!byService.Contains(service.Name)) continue;
            uint serviceId = ids.Id(IdKind.Service, service.Name);
            services.Add((serviceId, service));
            foreach (IGrouping<GateCall, Gate> call in byService[service.Name].GroupBy(gate => gate.On)) Expand(serviceId, Number(call.Key), [.. call], precedence, ids, endpoints, entries, cancellation);
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
    private static void Expand(uint service, uint call, Gate[] gates, GatePrecedence precedence, IdTable ids, Dictionary<uint, ListenAddress> endpoints, Dictionary<RuleKey, Rule> entries, CancellationToken cancellation)
    {
        List<ListenAddress?> addresses = [null, .. gates.Select(gate => gate.When.Listen).OfType<ListenAddress>().Distinct()];
        (string? Name, uint Id)[] requesters = [(null, 0), .. gates.SelectMany(gate => gate.When.Requesters ?? []).Distinct(StringComparer.Ordinal).Select(name => (name, ids.Id(IdKind.VirtualService, name)))];
        GateIndex index = new(gates, precedence);
        Rule?[] rules = new Rule?[gates.Length];
        foreach (ListenAddress? address in addresses)
        {
            cancellation.ThrowIfCancellationRequested();
            uint endpoint = address is null ? 0 : ids.Id(IdKind.Endpoint, address.ToString());
            if (address is not null) endpoints[endpoint] = address;

            // tcp/5432 covers tcp/127.0.0.1:5432: the kernel finds the narrow endpoint first and then must not lose the wide gate.
            GateIndex.Place place = index.At(address);
            foreach ((string? name, uint requester) in requesters)
            {
                int winner = place.Winner(name);
                if (winner >= 0) entries[new RuleKey(0, service, call, endpoint, requester)] = rules[winner] ??= RuleOf(gates[winner], ids);
            }
        }
    }

    private static Rule RuleOf(Gate gate, IdTable ids)
    {
        uint named = gate.Classify.Kind == ClassificationKind.Named ? ids.Id(IdKind.VirtualService, gate.Classify.VirtualService) : 0;
        return new Rule((uint)gate.Classify.Kind, named, (uint)gate.Binds, ids.Id(IdKind.Gate, gate.Id));
    }

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
