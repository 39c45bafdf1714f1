using VirtualServices.Infer.Statistics;
using VirtualServices.Model;

namespace VirtualServices.Infer.Proposals;

/// <summary>Counts for and against binding what serves to its requester, at one listening address of a service.</summary>
internal sealed class GateTally
{
    private const int MostSamples = 6;
    private const int MostCounterExamples = 5;

    public long Observed { get; private set; }

    public long Agreed { get; private set; }

    public long Contradicted { get; private set; }

    public long Unknown { get; private set; }

    /// <summary>Processes that were asked by one requester while the connection of another was open.</summary>
    public long Interleaved { get; private set; }

    /// <summary>Virtual services that asked and can be recognised.</summary>
    public SortedSet<string> Requesters { get; } = new(StringComparer.Ordinal);

    public List<EvidenceSample> Samples { get; } = [];

    public List<EvidenceSample> CounterExamples { get; } = [];

    /// <summary>Sessions with at least one request, and the events that each lost.</summary>
    public SortedDictionary<string, long> LostBySession { get; } = new(StringComparer.Ordinal);

    /// <summary>Counts per listening address.</summary>
    /// <param name="service">What was seen of the service.</param>
    /// <param name="tenants">Who asks.</param>
    /// <param name="forGood">A process is bound once, to its first requester, so each request of another one contradicts; else it is bound anew by each request.</param>
    public static SortedDictionary<string, GateTally> Of(ServiceStatistics service, TenantMap tenants, bool forGood)
    {
        var all = new SortedDictionary<string, GateTally>(StringComparer.Ordinal);
        foreach (ProfileStatistics profile in service.Profiles.Values)
        {
            if (profile.Served.Count > 0) Get(all, profile.Listen).Add(profile, tenants, forGood);
        }

        foreach ((FlowKey flow, FlowStatistics sums) in service.Flows)
        {
            if (tenants.TenantOf(flow.Origin) is not { FrontDoors.Count: > 0 } tenant) continue;
            GateTally tally = Get(all, flow.Listen);
            tally.Requesters.Add(tenant.Name);
            tally.Samples.AddRange(sums.Samples.Select(s => s with { Requester = tenant.Name }));
        }

        foreach (((string listen, string session), long lost) in service.LostBySession) Get(all, listen).LostBySession[session] = lost;
        foreach (GateTally tally in all.Values) tally.Trim();
        return all;
    }

    /// <summary>Adds the counts of another address.</summary>
    public void Add(GateTally other)
    {
        Observed += other.Observed;
        Agreed += other.Agreed;
        Contradicted += other.Contradicted;
        Unknown += other.Unknown;
        Interleaved += other.Interleaved;
        Requesters.UnionWith(other.Requesters);
        Samples.AddRange(other.Samples);
        CounterExamples.AddRange(other.CounterExamples);
        foreach ((string session, long lost) in other.LostBySession) LostBySession[session] = lost;
        Trim();
    }

    public GateEvidence ToEvidence(ExecutionModel model) => new(
        LostBySession.Count,
        Observed,
        Agreed,
        Contradicted,
        Unknown,
        LostBySession.Values.Sum(),
        Wilson.LowerBound(Agreed, Contradicted),
        ModelEvidence.NameOf(model),
        Samples,
        CounterExamples);

    private static GateTally Get(SortedDictionary<string, GateTally> all, string listen)
    {
        if (!all.TryGetValue(listen, out GateTally? tally)) all.Add(listen, tally = new GateTally());
        return tally;
    }

    private void Add(ProfileStatistics profile, TenantMap tenants, bool forGood)
    {
        // What the process is bound to is its first requester that is known; each request of another one contradicts.
        string? bound = null;
        var different = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < profile.Served.Count; i++)
        {
            long requests = profile.Requests[i];
            Observed += requests;
            string? who = Identity(profile.Served[i].Origin, tenants);
            bound ??= who;
            if (who is not null) different.Add(who);
            if (forGood && who is not null && who != bound) Contradicted += requests;
            else if (tenants.IsRecognised(profile.Served[i])) Agreed += requests;
            else Unknown += requests; // the gate would have nothing to charge it to
        }

        long beyond = profile.Requests[^1];
        Observed += beyond;
        if (forGood) Contradicted += beyond; // a process with so many requesters is no process of one
        else Unknown += beyond;
        if (profile.Interleaved && (different.Count > 1 || beyond > 0)) Interleaved += profile.Processes;
        if (!forGood) return;
        foreach ((int index, EvidenceSample sample) in profile.Changes)
        {
            string? who = index < profile.Served.Count ? Identity(profile.Served[index].Origin, tenants) : "many";
            if (who is null || who == bound || bound is null) continue;
            string name = index < profile.Served.Count ? tenants.NameOf(profile.Served[index].Origin) ?? "" : "";
            CounterExamples.Add(sample with { Requester = name, What = sample.What + $"; before that it worked for {NameOf(bound, tenants)}" });
        }
    }

    private static string? Identity(OriginKey origin, TenantMap tenants) =>
        origin.Known.Length > 0 ? "known:" + origin.Known : tenants.TenantOf(origin)?.Key;

    private static string NameOf(string identity, TenantMap tenants) =>
        tenants.Find(identity)?.Name ?? Words.Clean(identity["known:".Length..]);

    /// <summary>Keeps a few, chosen by their place in the sessions and not by the order in which sessions were given; one per requester first.</summary>
    private void Trim()
    {
        EvidenceSample[] samples = [.. Sorted(Samples)
            .GroupBy(s => s.Requester, StringComparer.Ordinal)
            .SelectMany(g => g.Select((sample, rank) => (sample, rank)))
            .OrderBy(p => p.rank)
            .Take(MostSamples)
            .Select(p => p.sample)];
        Samples.Clear();
        Samples.AddRange(Sorted(samples));
        EvidenceSample[] counter = [.. Sorted(CounterExamples).Take(MostCounterExamples)];
        CounterExamples.Clear();
        CounterExamples.AddRange(counter);
    }

    private static IEnumerable<EvidenceSample> Sorted(IEnumerable<EvidenceSample> samples) => samples
        .OrderBy(s => s.Session, StringComparer.Ordinal)
        .ThenBy(s => s.TimeNs)
        .ThenBy(s => s.Pid)
        .ThenBy(s => s.Connection)
        .ThenBy(s => s.Requester, StringComparer.Ordinal)
        .ThenBy(s => s.What, StringComparer.Ordinal);
}
