using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Inventory;

/// <summary>Pid -> process at a time of the session.</summary>
internal sealed class ProcessTable
{
    /// <summary>procfs gives start times in ticks of 10 ms; two of them allow for the way from fork to its event.</summary>
    private const long StartToleranceNs = 20_000_000;

    /// <summary>Threads that are kept: more than any host runs.</summary>
    internal const int MostThreads = 1 << 18;

    private readonly Shelf<TracedThread> _shelf = new(MostThreads);
    private readonly PartyTable _parties;
    private readonly long _startNs;
    private readonly Dictionary<int, ProcessRecord[]> _records;
    private readonly HashSet<int> _listenersAtStart = [];
    private readonly Dictionary<int, ProcessState> _alive = [];
    private readonly Dictionary<ulong, TracedThread> _threads = [];
    private TracedThread? _last;
    private long _uses;
    private long _serial;

    public ProcessTable(SessionInfo info, PartyTable parties)
    {
        _parties = parties;
        _startNs = info.Clock.StartNs;
        _records = info.Processes
            .GroupBy(p => p.Pid)
            .ToDictionary(g => g.Key, g => g.OrderBy(p => p.StartTimeNs).ThenBy(p => p.Service, StringComparer.Ordinal).ToArray());
        foreach (SocketRecord socket in info.Sockets)
        {
            if (socket.Description.Role != SocketRole.Listener) continue;
            foreach (SocketHolder holder in socket.Holders) _listenersAtStart.Add(holder.Pid);
        }
    }

    /// <summary>Processes that run now, in the order in which they were seen.</summary>
    public IReadOnlyList<ProcessState> Alive => [.. _alive.Values.OrderBy(p => p.Serial)];

    /// <summary>How many.</summary>
    public int Count => _alive.Count;

    public bool ListenedAtStart(int pid) => _listenersAtStart.Contains(pid);

    /// <summary>The thread that made a call; made up where it is new.</summary>
    public TracedThread Thread(int pid, int tid, long timeNs)
    {
        _uses++;
        if (_last is { } last && last.Tid == tid && last.Process.Pid == pid && !last.Process.Ended)
        {
            last.UsedAt = _uses;
            return last;
        }

        ulong key = Key(pid, tid);
        if (!_threads.TryGetValue(key, out TracedThread? thread)) thread = AddThread(Process(pid, timeNs), tid, fresh: false);
        thread.UsedAt = _uses;
        _last = thread;
        return thread;
    }

    /// <summary>The thread where it was seen before, or null: a thread that was only woken may be another process's.</summary>
    public TracedThread? FindThread(int pid, int tid) => _threads.GetValueOrDefault(Key(pid, tid));

    /// <summary>The process that has this pid now; made from the inventory where it is new.</summary>
    public ProcessState Process(int pid, long timeNs)
    {
        if (_alive.TryGetValue(pid, out ProcessState? process)) return process;
        ProcessRecord? record = RecordAt(pid, timeNs);
        process = new ProcessState(pid, ++_serial, record is null ? null : _parties.Of(record), record, ProcessState.BeforeSession, 0)
        {
            Listens = _listenersAtStart.Contains(pid),
        };
        _alive.Add(pid, process);
        return process;
    }

    /// <summary>The running process of this pid, or null: peers that were not recorded must not fill the table, nobody reports their end.</summary>
    public ProcessState? Find(int pid) => _alive.GetValueOrDefault(pid);

    /// <summary>The inventory's line for the pid at a time, or null where there is none or where two lines contradict each other.</summary>
    public ProcessRecord? RecordAt(int pid, long timeNs)
    {
        if (!_records.TryGetValue(pid, out ProcessRecord[]? records)) return null;
        if (records.Length == 1) return records[0];
        ProcessRecord? best = null;
        foreach (ProcessRecord record in records)
        {
            if (record.StartTimeNs <= timeNs + StartToleranceNs) best = record;
        }

        return best ?? (records.All(r => _parties.Of(r) == _parties.Of(records[0])) ? records[0] : null);
    }

    /// <summary>A process was forked. The caller has ended an older process of the same pid.</summary>
    public ProcessState Fork(ProcessState parent, int childPid, int childTid, long timeNs)
    {
        ProcessRecord? own = OwnRecord(childPid, timeNs);
        Party? party = own is null || (own.Service.Length == 0 && parent.Party is { Recorded: true }) ? parent.Party : _parties.Of(own);
        var child = new ProcessState(childPid, ++_serial, party, own ?? parent.Record, timeNs, parent.Serial) { ForkedByListener = parent.Listens };
        _alive[childPid] = child;
        AddThread(child, childTid, fresh: true);
        return child;
    }

    /// <summary>A thread was made.</summary>
    public void ForkThread(ProcessState process, int tid)
    {
        if (_threads.TryGetValue(Key(process.Pid, tid), out TracedThread? old)) Drop(old);
        AddThread(process, tid, fresh: true);
    }

    /// <summary>A thread ended.</summary>
    /// <returns>True where this ends the process.</returns>
    public bool EndThread(TracedThread thread)
    {
        ProcessState process = thread.Process;
        Drop(thread);
        if (thread.Tid == process.Pid || thread.Tid == 0) process.LeaderEnded = true;
        return process.LeaderEnded && process.Threads.Count == 0;
    }

    /// <summary>Takes an ended process out.</summary>
    public void Remove(ProcessState process)
    {
        process.Ended = true;
        _alive.Remove(process.Pid);
        foreach (TracedThread thread in process.Threads)
        {
            _threads.Remove(Key(process.Pid, thread.Tid));
            _shelf.Remove(thread);
        }

        _last = null;
    }

    /// <summary>Threads that were given up because there were more than <see cref="MostThreads"/>.</summary>
    public long GivenUp => _shelf.GivenUp;

    /// <summary>Gives the threads up that are too many.</summary>
    /// <returns>A process that has no other thread: it is to be ended, and this to be called again; else null.</returns>
    public ProcessState? GiveUp()
    {
        while (_shelf.TooMany() is { } thread)
        {
            if (thread.Process.Threads.Count == 1) return thread.Process;
            Drop(thread);
        }

        return null;
    }

    private void Drop(TracedThread thread)
    {
        _threads.Remove(Key(thread.Process.Pid, thread.Tid));
        thread.Process.Remove(thread);
        _shelf.Remove(thread);
        if (_last == thread) _last = null;
    }

    // Times an odd number, which keeps keys apart: the hash of a ulong is one half over the other, and of every first thread, whose id is its process's, that would be 0.
    private static ulong Key(int pid, int tid) => unchecked((((ulong)(uint)pid << 32) | (uint)tid) * 0x9E3779B97F4A7C15);

    private TracedThread AddThread(ProcessState process, int tid, bool fresh)
    {
        // A thread that was forked in sight begins at 0; of any other, what it used before is not known.
        var thread = new TracedThread(process, tid) { CpuNs = fresh ? 0 : null };
        process.Add(thread);
        _threads[Key(process.Pid, tid)] = thread;
        thread.UsedAt = _uses;
        _shelf.Add(thread);
        return thread;
    }

    /// <summary>The inventory's line for a process forked now: one that began at this time, or the only one that began within the session.</summary>
    private ProcessRecord? OwnRecord(int pid, long timeNs)
    {
        if (!_records.TryGetValue(pid, out ProcessRecord[]? records)) return null;
        foreach (ProcessRecord record in records)
        {
            if (record.StartTimeNs >= timeNs - StartToleranceNs && record.StartTimeNs <= timeNs + StartToleranceNs) return record;
        }

        return records.Length == 1 && records[0].StartTimeNs >= _startNs && !_listenersAtStart.Contains(pid) ? records[0] : null;
    }
}
