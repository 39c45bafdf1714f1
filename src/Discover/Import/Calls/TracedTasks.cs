namespace VirtualServices.Discover.Import.Calls;

/// <summary>Threads of a trace and their processes. A thread whose making was not seen is a process of its own: a tracer that names threads only does not say more.</summary>
internal sealed class TracedTasks
{
    /// <summary>Most threads at a time: the kernel's own limit (pid_max) is 2^22.</summary>
    private const int MostThreads = 1 << 22;

    private readonly Dictionary<int, TracedProcess> _byThread = [];

    internal bool Knows(int tid) => _byThread.ContainsKey(tid);

    /// <summary>The process of a thread.</summary>
    /// <param name="pid">0 where the tracer names threads only.</param>
    /// <param name="tid">Thread.</param>
    internal TracedProcess Of(int pid, int tid)
    {
        if (_byThread.TryGetValue(tid, out TracedProcess? process) && (pid == 0 || process.Pid == pid)) return process;
        process = pid != 0 && pid != tid && _byThread.TryGetValue(pid, out TracedProcess? leader) ? leader : new TracedProcess(pid != 0 ? pid : tid);
        Add(tid, process);
        if (pid != 0) Add(pid, process);
        return process;
    }

    /// <summary>A process or thread was made.</summary>
    internal TracedProcess Fork(TracedProcess parent, int child, bool thread, bool sharesFiles)
    {
        TracedProcess process = thread ? parent : new TracedProcess(child)
        {
            Comm = parent.Comm,
            Descriptors = sharesFiles ? parent.Descriptors : parent.Descriptors.Copy(),
        };
        Add(child, process);
        return process;
    }

    /// <summary>A thread ended.</summary>
    internal void Remove(int tid) => _byThread.Remove(tid);

    /// <summary>An exec ends all other threads of its process, and the thread that made it becomes the first.</summary>
    internal void Exec(TracedProcess process, int tid)
    {
        if (tid == process.Pid) return;
        Add(process.Pid, process);
        Remove(tid);
    }

    private void Add(int tid, TracedProcess process)
    {
        if (_byThread.Count >= MostThreads && !_byThread.ContainsKey(tid)) throw new FieldError("", $"expected at most {MostThreads} threads");
        _byThread[tid] = process;
    }
}

/// <summary>A process of a trace.</summary>
internal sealed class TracedProcess(int pid)
{
    internal int Pid { get; } = pid;

    internal string Comm { get; set; } = "";

    internal DescriptorTable Descriptors { get; set; } = new();
}
