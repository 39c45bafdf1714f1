using System.Globalization;
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
        int fd = LibBpf.bpf_obj_get(link);
        if (fd < 0) throw new BpfException("open", link, -fd);
        using SafeFileHandle owner = new(fd, ownsHandle: true);
        int program = LibBpf.bpf_prog_get_fd_by_id((uint)Field(fd, "prog_id"));
        if (program < 0) throw new BpfException("open the program of", link, -program);
        using SafeFileHandle programOwner = new(program, ownsHandle: true);
        return new ProgramRuns(Field(program, "run_cnt"), Field(program, "run_time_ns"));
    }

    /// <summary>The same for a loaded program.</summary>
    public static ProgramRuns Of(BpfProgram program)
    {
        ArgumentNullException.ThrowIfNull(program);
        return new ProgramRuns(Field(program.Descriptor, "run_cnt"), Field(program.Descriptor, "run_time_ns"));
    }

    /// <inheritdoc/>
    public void Dispose() => _fd.Dispose();

    // The kernel tells a program's numbers in the list of descriptors, one "name:<tab>number" a line.
    private static long Field(int fd, string name)
    {
        string file = string.Create(CultureInfo.InvariantCulture, $"/proc/self/fdinfo/{fd}");
        string line = File.ReadLines(file).FirstOrDefault(line => line.StartsWith(name + ":", StringComparison.Ordinal)) ?? throw new InvalidDataException($"{file} has no {name}");
        return long.Parse(line.AsSpan(name.Length + 1), NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture);
    }
}

/// <summary>How often a program ran.</summary>
/// <param name="Runs">Runs.</param>
/// <param name="Nanoseconds">Time that they took together.</param>
public readonly record struct ProgramRuns(long Runs, long Nanoseconds)
{
    /// <summary>What came in between.</summary>
    public static ProgramRuns operator -(ProgramRuns later, ProgramRuns earlier) => new(later.Runs - earlier.Runs, later.Nanoseconds - earlier.Nanoseconds);
}
