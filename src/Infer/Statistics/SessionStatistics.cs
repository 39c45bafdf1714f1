using VirtualServices.Infer.Links;

namespace VirtualServices.Infer.Statistics;

/// <summary>What one session contributes; all that is kept of it.</summary>
internal sealed class SessionStatistics(string id, string bootId)
{
    public string Id { get; } = id;

    public string BootId { get; } = bootId;

    public SortedDictionary<string, ServiceStatistics> Services { get; } = new(StringComparer.Ordinal);

    public SortedDictionary<string, PartyFacts> Parties { get; } = new(StringComparer.Ordinal);

    public long Events { get; set; }

    public long Malformed { get; set; }

    /// <summary>Sockets and threads that were given up because more seemed to be open at a time than any host has.</summary>
    public long GivenUp { get; set; }

    public long LostEvents { get; set; }

    public bool Truncated { get; set; }

    public long StartNs { get; set; }

    public long EndNs { get; set; }

    /// <summary>Sample requests, with the keys of those for whom they were.</summary>
    public List<(SampleTree Tree, OriginKey Origin)> Samples { get; } = [];

    /// <summary>Adds another session's services and parties.</summary>
    public void Add(SessionStatistics other)
    {
        foreach ((string key, ServiceStatistics sums) in other.Services)
        {
            if (!Services.TryGetValue(key, out ServiceStatistics? mine)) Services.Add(key, mine = new ServiceStatistics(key, sums.Name));
            mine.Add(sums);
        }

        foreach ((string key, PartyFacts facts) in other.Parties)
        {
            if (!Parties.TryGetValue(key, out PartyFacts? mine)) Parties.Add(key, mine = new PartyFacts(key, facts.Name, facts.Recorded));
            mine.Add(facts);
        }
    }
}
