namespace VirtualServices.Discover.Import.Dotnet;

/// <summary>A dictionary of the latest entries: what was never taken out, because its end was lost, must not fill any memory. Holds at least half of the given number, at most all of it.</summary>
internal sealed class RecentTable<TKey, TValue>(int most)
    where TKey : notnull
{
    private Dictionary<TKey, TValue> _young = [];
    private Dictionary<TKey, TValue> _old = [];

    internal TValue? Find(TKey key) => _young.TryGetValue(key, out TValue? value) || _old.TryGetValue(key, out value) ? value : default;

    internal void Set(TKey key, TValue value)
    {
        _old.Remove(key);
        _young[key] = value;
        if (_young.Count < most / 2) return;
        _old = _young;
        _young = [];
    }

    /// <summary>Takes an entry out; the default where there is none.</summary>
    internal TValue? Take(TKey key) => _young.Remove(key, out TValue? value) || _old.Remove(key, out value) ? value : default;
}
