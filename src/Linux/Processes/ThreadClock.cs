using System.Runtime.InteropServices;

namespace VirtualServices.Linux.Processes;

/// <summary>The clock of the calling thread's CPU time: exact at each call, where <c>schedstat</c> in <c>/proc</c> is as old as the last tick.</summary>
public static unsafe partial class ThreadClock
{
    private const int ThreadCpuTime = 3; // CLOCK_THREAD_CPUTIME_ID, include/uapi/linux/time.h

    /// <summary>CPU time that the calling thread has used, ns.</summary>
    /// <exception cref="InvalidOperationException">The clock cannot be read: no Linux is without it.</exception>
    public static long Nanoseconds()
    {
        TimeSpec time;
        return clock_gettime(ThreadCpuTime, &time) == 0 ? time.Seconds * 1_000_000_000 + time.Nanoseconds : throw new InvalidOperationException($"clock_gettime: errno {Marshal.GetLastPInvokeError()}");
    }

    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int clock_gettime(int clock, TimeSpec* time);
}
