namespace VirtualServices.Discover.Import.Calls;

/// <summary>Descriptors of a process that are sockets or pipes, as far as the trace has shown them.</summary>
internal sealed class DescriptorTable
{
    /// <summary>Most descriptors of a process: the kernel's own limit (fs.nr_open) is 2^20.</summary>
    internal const int MostDescriptors = 1 << 20;

    private readonly Dictionary<int, Entry> _entries = [];
    private readonly Dictionary<TracedSocket, int> _references = [];
    private readonly HashSet<int> _others = [];

    /// <summary>All descriptors, in their order.</summary>
    internal IEnumerable<int> All => [.. _entries.Keys.Order()];

    internal TracedSocket? Find(int fd) => _entries.TryGetValue(fd, out Entry entry) ? entry.Socket : null;

    /// <summary>True where the descriptor is known to be neither socket nor pipe.</summary>
    internal bool IsOther(int fd) => _others.Contains(fd);

    /// <summary>The descriptor is a file or the like.</summary>
    internal void SetOther(int fd)
    {
        if (_others.Count < MostDescriptors) _others.Add(fd);
    }

    internal void Set(int fd, TracedSocket socket, bool closeOnExec)
    {
        if (fd < 0 || _entries.Count >= MostDescriptors) return;
        Remove(fd);
        _entries.Add(fd, new Entry(socket, closeOnExec));
        if (Refer(socket) == 1) socket.Holders++;
    }

    internal void SetCloseOnExec(int fd, bool value)
    {
        if (_entries.TryGetValue(fd, out Entry entry)) _entries[fd] = entry with { CloseOnExec = value };
    }

    /// <summary>Takes a descriptor out.</summary>
    /// <returns>Its socket where this was the last descriptor of it, else null.</returns>
    internal TracedSocket? Remove(int fd)
    {
        _others.Remove(fd);
        if (!_entries.Remove(fd, out Entry removed)) return null;
        int left = _references[removed.Socket] - 1;
        if (left > 0)
        {
            _references[removed.Socket] = left;
            return null;
        }

        _references.Remove(removed.Socket);
        removed.Socket.Holders--;
        return removed.Socket;
    }

    /// <summary>Descriptors of a range.</summary>
    internal IEnumerable<int> Within(long first, long last) => [.. _entries.Keys.Where(fd => fd >= first && fd <= last).Order()];

    /// <summary>Descriptors that end at an exec.</summary>
    internal IEnumerable<int> EndingAtExec() => [.. _entries.Where(pair => pair.Value.CloseOnExec).Select(pair => pair.Key).Order()];

    /// <summary>What a forked process has.</summary>
    internal DescriptorTable Copy()
    {
        DescriptorTable copy = new();
        foreach ((int fd, Entry entry) in _entries) copy.Set(fd, entry.Socket, entry.CloseOnExec);
        copy._others.UnionWith(_others);
        return copy;
    }

    private int Refer(TracedSocket socket)
    {
        int references = _references.GetValueOrDefault(socket) + 1;
        _references[socket] = references;
        return references;
    }

    private readonly record struct Entry(TracedSocket Socket, bool CloseOnExec);
}
