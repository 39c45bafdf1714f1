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
    public static CpuHierarchy RequireCpuHierarchy(RuleSet rules)
    {
        CgroupMount mount = CgroupMount.WithCpu(CgroupMount.Find()) ?? throw new VsException(ExitCode.HostLacks, "no cgroup hierarchy with the cpu controller is mounted: mount cgroup2 at /sys/fs/cgroup (systemd does), or enforce with --audit");
        CpuHierarchy hierarchy = mount.Open();
        if (hierarchy.ThreadsFile is null && rules.Gates.FirstOrDefault(gate => gate.State == GateState.Approved && gate.Binds == BindScope.Thread) is { } gate)
            throw new VsException(ExitCode.HostLacks, $"gate {gate.Id}: 'binds: thread' cannot be enforced with cgroup v2, where single threads move only inside threaded domains: use 'binds: process' if the process serves one requester at a time");
        return hierarchy;
    }

    /// <summary>Throws where a gate or a limit needs hooks of the unified hierarchy that are not there.</summary>
    public static void RequireSocketHooks(RuleSet rules)
    {
        if (Kernel.GateKernel.SocketHooks) return;
        string missing = Kernel.GateKernel.UnifiedRoot is null
            ? "where cgroup v2 is mounted (it may be without controllers): mount -t cgroup2 none /sys/fs/cgroup/unified"
            : "by Linux 6.16 or later, whose hooks of sockets see for whom a task works: boot one, or remove it";
        if (rules.VirtualServices.FirstOrDefault(vs => vs.Limits?.Sockets is not null) is { } limited)
            throw new VsException(ExitCode.HostLacks, $"virtual service {limited.Name}: a limit of sockets can be enforced only {missing}");
        foreach (Gate gate in rules.Gates.Where(gate => gate.State == GateState.Approved))
            if (gate.On == GateCall.Socket || gate.When.Listen is { Protocol: TransportProtocol.Udp })
                throw new VsException(ExitCode.HostLacks, $"gate {gate.Id}: {(gate.On == GateCall.Socket ? "'on: socket'" : "datagrams")} can be governed only {missing}");
    }

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
