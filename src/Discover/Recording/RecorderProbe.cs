using VirtualServices.Linux.Bpf;
using VirtualServices.Model;

namespace VirtualServices.Discover.Recording;

/// <summary>Tells whether this host can record, by loading the recorder; nothing is recorded.</summary>
public static class RecorderProbe
{
    private const int SmallRing = 4096;

    /// <summary>Loads and unloads the recorder.</summary>
    /// <param name="level">How much is to be recorded.</param>
    /// <param name="blind">What this host keeps from being seen at the level; null for nothing.</param>
    /// <returns>Null where recording works, else what is missing and how to get it.</returns>
    public static (string Missing, string Remedy)? Run(RecordLevel level, out string? blind)
    {
        blind = null;
        if (RecorderProgram.Lacking() is { } lacking) return lacking;
        try
        {
            using RecorderProgram program = new(level, SmallRing, []);
            blind = program.Blind;
            return null;
        }
        catch (Exception error) when (error is VsException or DllNotFoundException)
        {
            return Explain(error);
        }
    }

    internal static (string Missing, string Remedy) Explain(Exception error) => error switch
    {
        DllNotFoundException => ("the library libbpf", "apt-get install libbpf1"),
        VsException { ExitCode: ExitCode.Permission } => (BpfException.SummaryOf(error), "allow root to load tracing programs: CAP_BPF and CAP_PERFMON, and no lockdown of the kernel (/sys/kernel/security/lockdown)"),
        _ => (BpfException.SummaryOf(error), "boot a kernel built with CONFIG_DEBUG_INFO_BTF and CONFIG_BPF_SYSCALL, such as Debian's own"),
    };
}
