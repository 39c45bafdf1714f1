namespace VirtualServices.Infer.Statistics;

/// <summary>What the inventory says of the processes of a party; front doors are chosen from it. Facts of sessions add up.</summary>
internal sealed class PartyFacts(string key, string name, bool recorded)
{
    public string Key { get; } = key;

    public string Name { get; } = name;

    public bool Recorded { get; } = recorded;

    /// <summary>Of all its processes.</summary>
    public ProcessFacts All { get; } = new();

    /// <summary>Of those that asked a service.</summary>
    public ProcessFacts Callers { get; } = new();

    public void Add(PartyFacts other)
    {
        All.Add(other.All);
        Callers.Add(other.Callers);
    }
}

/// <summary>Values by which processes can be chosen. An empty value stands for "one of them has none".</summary>
internal sealed class ProcessFacts
{
    public SortedSet<string> Units { get; } = new(StringComparer.Ordinal);

    public SortedSet<string> Cgroups { get; } = new(StringComparer.Ordinal);

    public SortedSet<uint> Uids { get; } = [];

    public SortedSet<string> Exes { get; } = new(StringComparer.Ordinal);

    /// <summary>Pids and boots: of callers, the topmost process of the party above each; of all, each process and everything above it.</summary>
    public HashSet<(string Boot, int Pid)> Pids { get; } = [];

    /// <summary>Processes that the inventory does not know.</summary>
    public long WithoutRecord { get; set; }

    public void Add(ProcessFacts other)
    {
        Units.UnionWith(other.Units);
        Cgroups.UnionWith(other.Cgroups);
        Uids.UnionWith(other.Uids);
        Exes.UnionWith(other.Exes);
        Pids.UnionWith(other.Pids);
        WithoutRecord += other.WithoutRecord;
    }
}
