using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using VirtualServices.Linux.Processes;

namespace VirtualServices.Enforce.Limits;

/// <summary>A process that was stopped as it entered a call: lets it go on, or has the call fail.</summary>
internal static unsafe partial class StoppedProcess
{
    private const int Continue = 18, PtraceGetRegisters = 12, PtraceSetRegisters = 13, PtraceDetach = 17, PtraceSeize = 0x4206, PtraceInterrupt = 0x4207;
    private const int NoWait = 1, AllThreads = 0x40000000;
    private const int Rax = 10, OriginalRax = 15, Registers = 27; // struct user_regs_struct of x86-64, which a 32-bit program's are given in, too
    private const long MadeAgain = -513; // ERESTARTNOINTR: nothing was done, the kernel makes the call again
    private const int PatienceMs = 20;
    private const long PidSignal = 424, PidOpen = 434;

    /// <summary>Signal that nobody can ignore: whom it stops stays stopped until its sender wants it otherwise.</summary>
    public const int Stop = 19;

    /// <summary>Looks at a thread that was stopped.</summary>
    /// <param name="pid">Its process.</param>
    /// <param name="tid">The thread.</param>
    /// <param name="stopped">A signal has stopped it, and nobody traces it.</param>
    /// <param name="traced">Somebody traces it.</param>
    /// <returns>False where it has ended.</returns>
    public static bool Read(int pid, int tid, out bool stopped, out bool traced)
    {
        bool lives = ProcessStatus.Read(pid, tid, out char state, out int tracer) && state is not ('Z' or 'X');
        (stopped, traced) = (lives && state == 'T' && tracer == 0, tracer != 0);
        return lives;
    }

    /// <summary>Opens a process, which goes on meaning this one whoever gets its number next.</summary>
    /// <returns>A descriptor for <see cref="GoOn"/> and <see cref="Close"/>, below 0 where there is no such process.</returns>
    public static int Open(int pid) => (int)syscall(PidOpen, pid, 0, 0, 0);

    /// <summary>Closes what <see cref="Open"/> gave.</summary>
    public static void Close(int process) => _ = close(process);

    /// <summary>Lets it go on.</summary>
    /// <param name="process">What <see cref="Open"/> gave.</param>
    /// <param name="others">Signal that somebody else sent meanwhile and that going on takes away, else 0: it is sent again.</param>
    public static void GoOn(int process, int others)
    {
        _ = syscall(PidSignal, process, Continue, 0, 0);
        if (others != 0) _ = syscall(PidSignal, process, others, 0, 0);
    }

    /// <summary>Why a call cannot be made to fail on this host; null where it can. A child is traced to find out: Yama and seccomp may forbid it to root, too.</summary>
    public static string? WhyNotFail()
    {
        try
        {
            using Process child = Process.Start(new ProcessStartInfo("/bin/bash", ["-c", "read none"]) { RedirectStandardInput = true, UseShellExecute = false })!;
            bool traces = ptrace(PtraceSeize, child.Id, 0, 0) == 0;
            int error = Marshal.GetLastPInvokeError();
            child.Kill();
            child.WaitForExit();
            return traces ? null : string.Create(CultureInfo.InvariantCulture, $"ptrace is refused with errno {error}; kernel.yama.ptrace_scope must be below 3");
        }
        catch (Win32Exception error)
        {
            return $"/bin/bash does not start: {error.Message}";
        }
    }

    /// <summary>Has the call fail in which a thread is stopped. Its process still is stopped afterwards.</summary>
    /// <returns>False where it is in no such call (any more), as in a handler of a signal that came before, or somebody else traces it.</returns>
    public static bool Fail(int pid, int tid, int errno)
    {
        if (ptrace(PtraceSeize, tid, 0, 0) != 0) return false;

        // From here on its number is its own, until it is waited for.
        bool own = ProcessStatus.Read(pid, tid, out _, out _);
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
        bool done = own && Write(tid, errno);
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

    [LibraryImport("libc", SetLastError = true)]
    private static partial long ptrace(int request, int tid, nint address, nint data);

    [LibraryImport("libc")]
    private static partial int waitpid(int tid, int* status, int options);

    [LibraryImport("libc")]
    private static partial long syscall(long number, long first, long second, long third, long fourth);

    [LibraryImport("libc")]
    private static partial int close(int descriptor);

    [LibraryImport("libc")]
    private static partial int usleep(uint microseconds);
}
