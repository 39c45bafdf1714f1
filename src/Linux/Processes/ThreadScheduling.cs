using System.Runtime.InteropServices;

namespace VirtualServices.Linux.Processes;

/// <summary>How the kernel's scheduler treats a thread: its policy and its nice value. Thread 0 is the calling one. Where the kernel does not allow a step, it is left out and the answer is false.</summary>
public static partial class ThreadScheduling
{
    /// <summary>The policy that a thread has unless somebody gave it another one (<c>SCHED_OTHER</c>; the numbers are sched(7)'s).</summary>
    public const int Normal = 0;

    /// <summary>As <see cref="Normal"/>, but it takes no processor from who runs when it wakes (<c>SCHED_BATCH</c>).</summary>
    public const int Batch = 3;
    private const int Fifo = 1, ProcessPriority = 0;

    /// <summary>The calling thread's policy.</summary>
    public static int Policy => sched_getscheduler(0);

    /// <summary>The calling thread's nice value, -20..19.</summary>
    public static int Nice => getpriority(ProcessPriority, 0);

    /// <summary>Lets a thread run whenever it wants to, before all that have no real-time priority (<c>SCHED_FIFO</c>). Only for what needs microseconds at a time, and must have them however busy the machine is.</summary>
    /// <param name="priority">Among such threads, 1..99; the highest first.</param>
    /// <param name="thread">Its id; of a process, its first thread's.</param>
    public static bool RealTime(int priority, int thread = 0) => Schedule(thread, Fifo, priority);

    /// <summary>Gives the calling thread a policy without real-time priority.</summary>
    public static bool SetPolicy(int policy) => Schedule(0, policy, 0);

    /// <summary>Gives the calling thread a nice value, -20..19; the lower, the more processor it gets.</summary>
    public static bool SetNice(int nice) => setpriority(ProcessPriority, 0, nice) == 0;

    private static unsafe bool Schedule(int thread, int policy, int priority) => sched_setscheduler(thread, policy, &priority) == 0;

    [LibraryImport("libc")]
    private static unsafe partial int sched_setscheduler(int thread, int policy, int* parameters);

    [LibraryImport("libc")]
    private static partial int sched_getscheduler(int thread);

    [LibraryImport("libc")]
    private static partial int getpriority(int which, uint who);

    [LibraryImport("libc")]
    private static partial int setpriority(int which, uint who, int priority);
}
