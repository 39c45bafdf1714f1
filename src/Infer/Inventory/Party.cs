namespace VirtualServices.Infer.Inventory;

/// <summary>A service that was recorded, or a group of processes that were not recorded and asked one: a candidate for a service.</summary>
internal sealed class Party(int id, string key, string name, bool recorded)
{
    /// <summary>Index within one session.</summary>
    public int Id { get; } = id;

    /// <summary>Names the party over sessions: <c>service:postgres</c>, <c>unit:shop.service</c>, <c>exe:1000:/usr/bin/psql</c>.</summary>
    public string Key { get; } = key;

    /// <summary>What a person would call it.</summary>
    public string Name { get; } = name;

    /// <summary>True for a service whose own calls were recorded.</summary>
    public bool Recorded { get; } = recorded;
}
