using VirtualServices.Model;

namespace VirtualServices.Infer.Statistics;

/// <summary>An <see cref="Turns.Origin"/> in words that hold over sessions; empty text for none.</summary>
internal readonly record struct OriginKey(string Service, string Outside, string Known);

/// <summary>For whom, and the key of the party at the other end of the connection (empty where unknown).</summary>
internal readonly record struct ServedKey(OriginKey Origin, string Direct);

/// <summary>Requests that came in at one address, for one origin, from one party.</summary>
/// <param name="Listen">Listening address, empty where unknown.</param>
/// <param name="Origin">For whom.</param>
/// <param name="Direct">Key of the party at the other end, empty where unknown.</param>
internal readonly record struct FlowKey(string Listen, OriginKey Origin, string Direct);

/// <summary>Sums of a flow.</summary>
internal sealed class FlowStatistics
{
    public const int MostSamples = 3;

    public long Requests { get; set; }

    public long Connections { get; set; }

    /// <summary>First requests of a few connections.</summary>
    public List<EvidenceSample> Samples { get; } = [];

    public void Add(FlowStatistics other)
    {
        Requests += other.Requests;
        Connections += other.Connections;
        Samples.AddRange(other.Samples);
    }
}

/// <summary>Processes that served the same requesters in the same order: they agree or contradict together, and counting them so keeps memory small.</summary>
internal sealed class ProfileStatistics(string listen, IReadOnlyList<ServedKey> served, bool interleaved)
{
    public const int MostCounterExamples = 3;

    public string Listen { get; } = listen;

    public IReadOnlyList<ServedKey> Served { get; } = served;

    /// <summary>The origin changed while the connection of the one before was still open.</summary>
    public bool Interleaved { get; } = interleaved;

    public long Processes { get; set; }

    /// <summary>Requests per origin, and one more for those beyond <see cref="ProcessNotes.MostOrigins"/>.</summary>
    public long[] Requests { get; } = new long[served.Count + 1];

    /// <summary>CPU time, ns.</summary>
    public ulong CpuNs { get; set; }

    /// <summary>Of that: of threads that used no connection, ns.</summary>
    public ulong CpuApartNs { get; set; }

    /// <summary>Requests whose origin differs from the one before in the same process, with the index of the origin.</summary>
    public List<(int Origin, EvidenceSample Sample)> Changes { get; } = [];

    public void Add(ProfileStatistics other)
    {
        Processes += other.Processes;
        for (int i = 0; i < Requests.Length; i++)
        {
            Requests[i] += other.Requests[i];
        }

        CpuNs += other.CpuNs;
        CpuApartNs += other.CpuApartNs;
        Changes.AddRange(other.Changes);
    }
}

/// <summary>What was seen of one service. Sums of sessions add up.</summary>
internal sealed class ServiceStatistics(string key, string name)
{
    public string Key { get; } = key;

    public string Name { get; } = name;

    public SortedSet<string> Listens { get; } = new(StringComparer.Ordinal);

    public SortedSet<Selector> Match { get; } = new(Comparer<Selector>.Create((a, b) => string.CompareOrdinal(a.ToString(), b.ToString())));

    public Dictionary<FlowKey, FlowStatistics> Flows { get; } = [];

    public SortedDictionary<string, ProfileStatistics> Profiles { get; } = new(StringComparer.Ordinal);

    /// <summary>CPU time of requests, ns, by origin; a part of what the profiles hold.</summary>
    public Dictionary<OriginKey, ulong> Cpu { get; } = [];

    public ModelEvidence Model { get; set; } = new();

    public long BytesIn { get; set; }

    public long BytesOut { get; set; }

    /// <summary>Outgoing calls of which is not told for which of several open requests they were made.</summary>
    public long CallsUntold { get; set; }

    /// <summary>CPU time spent on these, ns.</summary>
    public ulong CpuOfCallsUntoldNs { get; set; }

    /// <summary>CPU time of threads that answered one request just after they received another, ns.</summary>
    public ulong CpuTornNs { get; set; }

    /// <summary>Outgoing calls that were made while no request was open.</summary>
    public long CallsUnasked { get; set; }

    /// <summary>Events lost in the sessions in which the service was asked at a listening address.</summary>
    public SortedDictionary<(string Listen, string Session), long> LostBySession { get; } =
        new(Comparer<(string Listen, string Session)>.Create((a, b) => string.CompareOrdinal(a.Listen, b.Listen) is var order and not 0 ? order : string.CompareOrdinal(a.Session, b.Session)));

    public void Add(ServiceStatistics other)
    {
        Listens.UnionWith(other.Listens);
        Match.UnionWith(other.Match);
        Model += other.Model;
        BytesIn += other.BytesIn;
        BytesOut += other.BytesOut;
        CallsUntold += other.CallsUntold;
        CallsUnasked += other.CallsUnasked;
        CpuOfCallsUntoldNs += other.CpuOfCallsUntoldNs;
        CpuTornNs += other.CpuTornNs;
        foreach ((FlowKey flow, FlowStatistics sums) in other.Flows)
        {
            if (!Flows.TryGetValue(flow, out FlowStatistics? mine)) Flows.Add(flow, mine = new FlowStatistics());
            mine.Add(sums);
        }

        foreach ((OriginKey origin, ulong ns) in other.Cpu) Cpu[origin] = Cpu.GetValueOrDefault(origin) + ns;
        foreach ((string text, ProfileStatistics sums) in other.Profiles)
        {
            if (!Profiles.TryGetValue(text, out ProfileStatistics? mine)) Profiles.Add(text, mine = new ProfileStatistics(sums.Listen, sums.Served, sums.Interleaved));
            mine.Add(sums);
        }

        foreach (((string, string) key, long lost) in other.LostBySession) LostBySession[key] = lost;
    }
}
