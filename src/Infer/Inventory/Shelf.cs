namespace VirtualServices.Infer.Inventory;

/// <summary>
/// What is open now, up to a number: of more, what was not used for longest is given up. A host has never so much at a time; a session has where the ends of it were lost, or where somebody made it up.
/// Second chance: nothing is moved when it is used, only when there is no room.
/// </summary>
/// <param name="most">So many are kept.</param>
internal sealed class Shelf<T>(int most)
    where T : class, IShelved<T>
{
    private T? _oldest, _newest;

    public int Count { get; private set; }

    /// <summary>How many were given up.</summary>
    public long GivenUp { get; private set; }

    public void Add(T item)
    {
        item.Older = _newest;
        item.Newer = null;
        if (_newest is null) _oldest = item;
        else _newest.Newer = item;
        _newest = item;
        item.ShelvedAt = item.UsedAt;
        Count++;
    }

    public void Remove(T item)
    {
        if (item.Older is null && item.Newer is null && _oldest != item) return; // not here
        if (item.Older is null) _oldest = item.Newer;
        else item.Older.Newer = item.Newer;
        if (item.Newer is null) _newest = item.Older;
        else item.Newer.Older = item.Older;
        item.Older = item.Newer = null;
        Count--;
    }

    /// <summary>Where there are too many: the one that was not used for longest, to be taken out by the caller; else null.</summary>
    public T? TooMany()
    {
        if (Count <= most) return null;
        while (_oldest is { } oldest && oldest.UsedAt != oldest.ShelvedAt && oldest != _newest)
        {
            Remove(oldest);
            Add(oldest);
        }

        GivenUp++;
        return _oldest;
    }
}

/// <summary>Something on a <see cref="Shelf{T}"/>.</summary>
internal interface IShelved<T>
{
    T? Older { get; set; }

    T? Newer { get; set; }

    /// <summary>Number of the event that used it last.</summary>
    long UsedAt { get; set; }

    /// <summary>The same when it was put where it is.</summary>
    long ShelvedAt { get; set; }
}
