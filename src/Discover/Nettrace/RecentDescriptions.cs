using System.Collections;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Nettrace;

/// <summary>Descriptions by their number, of which only the latest are kept: a session may describe any number of sockets, each is looked at once, when its event is read.</summary>
internal sealed class RecentDescriptions : IReadOnlyList<SocketDescription>
{
    /// <summary>More than the reorder window and a reader's batch hold together.</summary>
    internal const int Kept = 1 << 14;

    private readonly List<SocketDescription> _ring = [];

    /// <summary>Descriptions so far, with those that are no longer kept.</summary>
    public int Count { get; private set; }

    /// <exception cref="ArgumentOutOfRangeException">Not there yet, or no longer kept.</exception>
    public SocketDescription this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            ArgumentOutOfRangeException.ThrowIfLessThan(index, Math.Max(Count - Kept, 0));
            return _ring[index % Kept];
        }
    }

    public void Add(SocketDescription description)
    {
        if (Count < Kept) _ring.Add(description);
        else _ring[Count % Kept] = description;
        Count++;
    }

    public IEnumerator<SocketDescription> GetEnumerator()
    {
        for (int i = Math.Max(Count - Kept, 0); i < Count; i++) yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
