using System.Globalization;

namespace VirtualServices.Linux.Processes;

/// <summary>What kind of thing a process id stands for.</summary>
public enum ProcessNature
{
    /// <summary>Nothing has this number now.</summary>
    Absent,

    /// <summary>A process that runs.</summary>
    Process,

    /// <summary>A thread, not the first of its process.</summary>
    Thread,

    /// <summary>A process that has ended and waits until its parent looks.</summary>
    Zombie,

    /// <summary>A thread of the kernel: no program, cannot be moved between control groups.</summary>
    KernelThread,
}

/// <summary>Reads the nature of a process.</summary>
public static class ProcessNatures
{
    private const uint KernelThreadFlag = 0x0020_0000; // PF_KTHREAD in the kernel's sched.h

    /// <summary>Looks a number up, also that of a thread, which /proc does not list but knows.</summary>
    /// <param name="pid">The number.</param>
    /// <param name="process">Number of the process: differs for a thread.</param>
    public static ProcessNature Of(int pid, out int process)
    {
        process = pid;
        string? stat = Procfs.ReadText(pid, "stat"), status = Procfs.ReadText(pid, "status");
        return stat is null || status is null ? ProcessNature.Absent : Parse(pid, stat, status, out process);
    }

    /// <summary>Reads the two files; their fields: proc(5).</summary>
    internal static ProcessNature Parse(int pid, string stat, string status, out int process)
    {
        process = pid;
        int close = stat.LastIndexOf(')');
        string[] fields = close < 0 ? [] : stat[(close + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length < 7 || !uint.TryParse(fields[6], NumberStyles.None, CultureInfo.InvariantCulture, out uint flags)) return ProcessNature.Absent;
        if ((flags & KernelThreadFlag) != 0) return ProcessNature.KernelThread;
        const string Leader = "\nTgid:\t";
        int at = status.IndexOf(Leader, StringComparison.Ordinal);
        if (at >= 0 && int.TryParse(status.AsSpan(at + Leader.Length, status.IndexOf('\n', at + 1) - at - Leader.Length), CultureInfo.InvariantCulture, out int tgid)) process = tgid;
        if (process != pid) return ProcessNature.Thread;
        return fields[0] is "Z" or "X" ? ProcessNature.Zombie : ProcessNature.Process;
    }
}
