using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Import;

/// <summary>What an import read and could not use, by reason.</summary>
internal sealed class UnusedCounts
{
    private readonly SortedDictionary<string, long> _counts = new(StringComparer.Ordinal);

    /// <summary>Counts one more.</summary>
    /// <param name="reason">What it was and why, as a noun: "lines that are no strace output". A constant, or memory is not bounded.</param>
    /// <param name="count">How many.</param>
    internal void Add(string reason, long count = 1)
    {
        if (count > 0) _counts[reason] = _counts.GetValueOrDefault(reason) + count;
    }

    /// <summary>As a session tells it.</summary>
    internal IReadOnlyList<SourceCount> Counts => [.. _counts.Select(pair => new SourceCount(pair.Key, 0, 0, pair.Value))];
}
