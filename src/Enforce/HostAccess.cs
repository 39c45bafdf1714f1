using Tmds.Linux;
using VirtualServices.Linux.Bpf;
using VirtualServices.Linux.Cgroups;
using VirtualServices.Model;

namespace VirtualServices.Enforce;

/// <summary>What enforcing needs from the host, with the way out where it is missing.</summary>
internal static unsafe class HostAccess
{
    private const string BpfFileSystem = "/sys/fs/bpf";
    private static string FastMount => Path.Combine(EnforcerLock.Folder, "cgroup");

    /// <summary>Throws without root.</summary>
    public static void RequireRoot(string operation)
    {
        if (LibC.geteuid() != 0) throw new VsException(ExitCode.Permission, $"cannot {operation} as an ordinary user: run as root (sudo vs ...)");
    }

    /// <summary>The hierarchy that will be used.</summary>
    public static CpuHierarchy RequireCpuHierarchy() =>
        (CgroupMount.WithCpu(CgroupMount.Find()) ?? throw new VsException(ExitCode.HostLacks, "no cgroup hierarchy with the cpu controller is mounted: mount cgroup2 at /sys/fs/cgroup (systemd does), or enforce with --audit")).Open();

    /// <summary>Makes sure that a bpffs is mounted; mounts one only where nothing is.</summary>
    public static void RequireBpfFileSystem()
    {
        if (File.ReadLines("/proc/self/mountinfo").Any(line => line.Contains(" - bpf ", StringComparison.Ordinal) && line.Split(' ')[4] == BpfFileSystem)) return;
        if (!Directory.Exists(BpfFileSystem)) throw new VsException(ExitCode.HostLacks, $"{BpfFileSystem} does not exist: this kernel has no BPF file system (CONFIG_BPF_SYSCALL)");
        fixed (byte* type = "bpf\0"u8, target = "/sys/fs/bpf\0"u8)
            if (LibC.mount(type, target, type, 0, null) != 0) throw new VsException(ExitCode.HostLacks, $"cannot mount a bpffs at {BpfFileSystem} (errno {LibC.errno}): mount it with 'mount -t bpf bpf {BpfFileSystem}'");
    }

    /// <summary>Switches favordynmods on where it is off; without it a lone move waits some 16 ms for a grace period of the kernel.</summary>
    public static void EnableFastMoves(Action<string>? log)
    {
        try
        {
            if (DynamicModifications.Enable(FastMount)) log?.Invoke($"switched favordynmods on by a mount of cgroup2 at {FastMount}");
        }
        catch (VsException error)
        {
            log?.Invoke($"moves will be slow (some 16 ms): {error.Message}");
        }
    }

    /// <summary>Takes back what <see cref="EnableFastMoves"/> did.</summary>
    public static void DisableFastMoves() => DynamicModifications.Disable(FastMount);

    /// <summary>Words for a refusal of the kernel.</summary>
    public static VsException Explain(string operation, BpfException error) => error.Errno is 1 or 13
        ? new VsException(ExitCode.Permission, $"cannot {operation}: {error.Message}\nThis needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN (root), and a kernel that allows tracing programs; 'vs doctor' tells which part is refused.", error)
        : new VsException(ExitCode.HostLacks, $"cannot {operation}: {error.Message}\n'vs doctor' tells which part this kernel lacks (needed: BTF, kernel 6.3 or later for the receive tracepoint).", error);
}
