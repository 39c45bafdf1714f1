using VirtualServices.Infer.Statistics;
using VirtualServices.Model;

namespace VirtualServices.Infer.Proposals;

/// <summary>Who is a front end, which virtual service each becomes, and by what it is known.</summary>
/// <remarks>
/// A recorded service that asks another recorded one and is asked by none is a front end; whoever asks it is outside. Every other recorded service that
/// is asked is shared, and unrecorded parties that ask a shared service are front ends, too.
/// </remarks>
internal sealed class TenantMap
{
    private readonly HashSet<string> _carriers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Tenant> _tenants = new(StringComparer.Ordinal);

    public TenantMap(SessionStatistics all, int boots)
    {
        var called = new HashSet<string>(StringComparer.Ordinal);
        var calling = new HashSet<string>(StringComparer.Ordinal);
        foreach (ServiceStatistics service in all.Services.Values)
        {
            foreach (FlowKey flow in service.Flows.Keys)
            {
                if (flow.Direct == service.Key || !all.Services.ContainsKey(flow.Direct)) continue;
                called.Add(service.Key);
                calling.Add(flow.Direct);
            }
        }

        foreach (ServiceStatistics service in all.Services.Values)
        {
            if (calling.Contains(service.Key) && !called.Contains(service.Key)) FrontEnds.Add(service.Key);
        }

        foreach (ServiceStatistics service in all.Services.Values)
        {
            if (FrontEnds.Contains(service.Key) || service.Flows.Count == 0) continue;
            Shared.Add(service.Key);
            foreach (FlowKey flow in service.Flows.Keys)
            {
                if (flow.Direct.Length > 0 && !all.Services.ContainsKey(flow.Direct)) FrontEnds.Add(flow.Direct);
            }
        }

        foreach (ServiceStatistics service in all.Services.Values)
        {
            if (service.Model.Classify() == ExecutionModel.ProcessPerConnection && !service.Profiles.Values.Any(p => p.Interleaved)) _carriers.Add(service.Key);
        }

        var names = new NameBook();
        foreach (string key in FrontEnds)
        {
            PartyFacts facts = all.Parties.TryGetValue(key, out PartyFacts? known) ? known : new PartyFacts(key, all.Services.TryGetValue(key, out ServiceStatistics? s) ? s.Name : key, recorded: false);
            IReadOnlyList<Selector> doors = FrontDoorChooser.Choose(facts, all.Parties.Values, boots, out string reason);
            _tenants.Add(key, new Tenant(key, Words.Clean(facts.Name), names.Take(facts.Name), doors, reason));
        }
    }

    /// <summary>Keys of front ends, in their order.</summary>
    public SortedSet<string> FrontEnds { get; } = new(StringComparer.Ordinal);

    /// <summary>Keys of shared services.</summary>
    public SortedSet<string> Shared { get; } = new(StringComparer.Ordinal);

    /// <summary>All tenants in the order of their keys.</summary>
    public IEnumerable<Tenant> Tenants => FrontEnds.Select(k => _tenants[k]);

    public Tenant? Find(string key) => _tenants.GetValueOrDefault(key);

    /// <summary>What a person calls a party; empty for none.</summary>
    public string PartyName(string key) => key.Length == 0 ? "" : Find(key)?.Party ?? Words.Clean(key[(key.IndexOf(':', StringComparison.Ordinal) + 1)..]);

    /// <summary>The name for whom an origin is: a tenant's virtual service, or what the source itself knew; null where unknown or where the tenant gets no virtual service.</summary>
    public string? NameOf(OriginKey origin) => origin.Known.Length > 0 ? origin.Known : TenantOf(origin) is { FrontDoors.Count: > 0 } tenant ? tenant.Name : null;

    /// <summary>
    /// A gate at the service would see for whom the request is: its tenant has a front door, and whoever sent it is the tenant itself or a service whose
    /// processes are bound to one requester each. A service in between that mixes its requesters hides them.
    /// </summary>
    public bool IsRecognised(ServedKey served) =>
        TenantOf(served.Origin) is { FrontDoors.Count: > 0 } tenant && (served.Direct == tenant.Key || _carriers.Contains(served.Direct));

    /// <summary>The tenant of an origin, or null.</summary>
    public Tenant? TenantOf(OriginKey origin)
    {
        if (origin.Known.Length > 0) return null;
        return _tenants.GetValueOrDefault(origin.Service) ?? (origin.Outside.Length > 0 ? _tenants.GetValueOrDefault(origin.Outside) : null);
    }
}

/// <summary>A front end and the virtual service that it becomes.</summary>
/// <param name="Key">Key of the party.</param>
/// <param name="Party">What a person calls it.</param>
/// <param name="Name">Name of the virtual service.</param>
/// <param name="FrontDoors">By what it is known; empty where nothing separates it, then it gets no virtual service.</param>
/// <param name="Reason">Why not.</param>
internal sealed record Tenant(string Key, string Party, string Name, IReadOnlyList<Selector> FrontDoors, string Reason);
