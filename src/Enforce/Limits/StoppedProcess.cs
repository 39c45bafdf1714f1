using System.Runtime.InteropServices;
using VirtualServices.Linux.Processes;

namespace VirtualServices.Enforce.Limits;

/// <summary>A process that was stopped as it entered a call: lets it go on, or has the call fail.</summary>
internal static unsafe partial class StoppedProcess
{
    private const int Continue = 18, Stop = 19, PtraceGetRegisters = 12, PtraceSetRegisters = 13, PtraceDetach = 17, PtraceSeize = 0x4206, PtraceInterrupt = 0x4207;
    private const int NoWait = 1, AllThreads = 0x40000000;
    private const int Rax = 10, OriginalRax = 15, Registers = 27; // struct user_regs_struct of x86-64, which a 32-bit program's are given in, too
    private const long MadeAgain = -513; // ERESTARTNOINTR: nothing was done, the kernel makes the call again
    private const int PatienceMs = 20;

    /// <summary>True while it is stopped by a signal and nobody traces it.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="gone">It has ended.</param>
    public static bool IsStopped(int pid, out bool gone)
    {
        gone = !ProcessStatus.Read(pid, out char state, out int tracer) || state is 'Z' or 'X';
        return !gone && state == 'T' && tracer == 0;
    }

    /// <summary>Lets it go on, where nobody traces it.</summary>
    public static void GoOn(int pid)
    {
        if (ProcessStatus.Read(pid, out _, out int tracer) && tracer == 0) _ = kill(pid, Continue);
    }

    /// <summary>Has the call fail in which a thread is stopped. Its process still is stopped afterwards.</summary>
    /// <returns>False where it is in no such call (any more), or somebody else traces it.</returns>
    public static bool Fail(int tid, int errno)
    {
        if (ptrace(PtraceSeize, tid, 0, 0) != 0) return false;
        _ = ptrace(PtraceInterrupt, tid, 0, 0); // it may have been continued by somebody
        int status = 0;
        for (int waited = 0; waitpid(tid, &status, AllThreads | NoWait) != tid; waited++)
        {
            if (waited >= PatienceMs * 10)
            {
                // It sleeps where no signal reaches it. What traces ends with its tracer, so nothing is left behind.
                _ = ptrace(PtraceDetach, tid, 0, 0);
                return false;
            }

            _ = usleep(100);
        }

        const int StoppedMask = 0xff, StoppedMark = 0x7f;
        if ((status & StoppedMask) != StoppedMark) return false; // it ended
        bool done = Write(tid, errno);
        int signal = status >> 8;

        // Before it took the signal that stops it: that is not needed any more. Any other signal is its own.
        _ = ptrace(PtraceDetach, tid, 0, signal >> 8 != 0 || signal == Stop ? 0 : signal);
        return done;
    }

    private static bool Write(int tid, int errno)
    {
        long* registers = stackalloc long[Registers];
        if (ptrace(PtraceGetRegisters, tid, 0, (nint)registers) != 0 || registers[Rax] != MadeAgain || registers[OriginalRax] < 0) return false;
        registers[Rax] = -errno;
        registers[OriginalRax] = -1; // or the kernel would take it for a call that is made again
        return ptrace(PtraceSetRegisters, tid, 0, (nint)registers) == 0;
    }

    [LibraryImport("libc")]
    private static partial long ptrace(int request, int tid, nint address, nint data);

    [LibraryImport("libc")]
    private static partial int waitpid(int tid, int* status, int options);

    [LibraryImport("libc")]
    private static partial int kill(int pid, int signal);

    [LibraryImport("libc")]
    private static partial int usleep(uint microseconds);
}
