using System.Runtime.InteropServices;

namespace VirtualServices.Linux.Processes;

/// <summary>
/// Makes the calling thread leave its processor to others: it takes no processor from who runs when it wakes (<c>SCHED_BATCH</c>), and gets little where others want all (nice 10). Used and disposed by that thread.
/// Where the kernel does not allow a step, it is left out; a thread that has another policy than the usual one keeps it.
/// </summary>
public sealed partial class YieldingThread : IDisposable
{
    private const int Normal = 0, Batch = 3, ProcessPriority = 0, Yielding = 10;
    private readonly bool _isNormal = sched_getscheduler(0) == Normal; // else somebody gave the process a priority on purpose
    private readonly int _before = getpriority(ProcessPriority, 0);
    private bool _hurries;

    /// <summary>Begins to yield.</summary>
    public YieldingThread()
    {
        _hurries = true;
        Hurries = false;
    }

    /// <summary>Whether it takes its share as any other thread for now, because what it has to do cannot wait. No call where nothing changes.</summary>
    public bool Hurries
    {
        get => _hurries;
        set
        {
            if (_hurries == value) return;
            _hurries = value;
            if (!_isNormal) return;
            Schedule(value ? Normal : Batch);
            _ = setpriority(ProcessPriority, 0, value ? _before : Math.Max(_before, Yielding));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Hurries = true;

    private static unsafe void Schedule(int policy)
    {
        int none = 0;
        _ = sched_setscheduler(0, policy, &none);
    }

    [LibraryImport("libc")]
    private static unsafe partial int sched_setscheduler(int thread, int policy, int* parameters);

    [LibraryImport("libc")]
    private static partial int sched_getscheduler(int thread);

    [LibraryImport("libc")]
    private static partial int getpriority(int which, uint who);

    [LibraryImport("libc")]
    private static partial int setpriority(int which, uint who, int priority);
}
