using Microsoft.Win32.SafeHandles;

namespace VirtualServices.Linux.Bpf;

/// <summary>Makes the kernel measure all BPF programs while it exists: each run then costs some 30 ns more, and every figure contains that.</summary>
public sealed class BpfStatistics : IDisposable
{
    private readonly SafeFileHandle _fd;

    /// <summary>Begins.</summary>
    /// <exception cref="BpfException">No permission.</exception>
    public BpfStatistics()
    {
        const int RunTime = 0;
        int fd = LibBpf.bpf_enable_stats(RunTime);
        if (fd < 0) throw new BpfException("measure", "programs", -fd);
        _fd = new SafeFileHandle(fd, ownsHandle: true);
    }

    /// <summary>Runs of an attached program and the time that they took, since it was loaded and while it was measured.</summary>
    /// <param name="link">Pin of its attachment.</param>
    public static ProgramRuns Of(string link)
    {
        using BpfProgram program = BpfProgram.OfLink(link);
        return Of(program);
    }

    /// <summary>The same for a loaded program.</summary>
    public static ProgramRuns Of(BpfProgram program)
    {
        ArgumentNullException.ThrowIfNull(program);
        return new ProgramRuns(DescriptorFacts.Number(program.Descriptor, "run_cnt"), DescriptorFacts.Number(program.Descriptor, "run_time_ns"));
    }

    /// <inheritdoc/>
    public void Dispose() => _fd.Dispose();
}

/// <summary>How often a program ran.</summary>
/// <param name="Runs">Runs.</param>
/// <param name="Nanoseconds">Time that they took together.</param>
public readonly record struct ProgramRuns(long Runs, long Nanoseconds)
{
    /// <summary>What came in between.</summary>
    public static ProgramRuns operator -(ProgramRuns later, ProgramRuns earlier) => new(later.Runs - earlier.Runs, later.Nanoseconds - earlier.Nanoseconds);
}
