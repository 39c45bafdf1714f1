using Tmds.Linux;
using VirtualServices.Enforce.Admission;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Waiting;
using VirtualServices.Linux.Bpf;
using VirtualServices.Linux.Cgroups;

namespace VirtualServices.Enforce;

/// <summary>Tries what enforcing needs: programs are loaded, never a version compared. Leaves nothing behind.</summary>
public static class HostProbe
{
    /// <summary>Probes all.</summary>
    public static IReadOnlyList<Capability> Run() => [Gates(), Requests(), .. CpuShares(CgroupMount.Find()), FastMoves(CgroupMount.Find()), Network.NetworkProbe.Run(), .. Limits(), Names()];

    private static Capability Requests()
    {
        const string Name = "admission";
        if (LibC.geteuid() != 0) return new Capability(Name, CapabilityState.Unknown, false, "", "not tried: only root may load BPF programs", "run 'sudo vs doctor'");
        try
        {
            AdmissionKernel.Try();
            return new Capability(Name, CapabilityState.Works, false, "requests of event loops over TCP are held by SO_RCVLOWAT; over unix sockets and UDP they are refused", "", "");
        }
        catch (Exception error) when (error is BpfException or DllNotFoundException)
        {
            return new Capability(Name, CapabilityState.Missing, false, "", BpfException.SummaryOf(error), "needs the tracepoint tcp_probe and iterators of one process (Linux 6.1); without it gates that bind requests classify and count with vs enforce --audit");
        }
    }

    private static IEnumerable<Capability> Limits()
    {
        const string OfSockets = "limits of sockets", OfProcesses = "limits of processes";
        if (LibC.geteuid() != 0)
        {
            foreach (string name in (string[])[OfSockets, OfProcesses]) yield return new Capability(name, CapabilityState.Unknown, false, "", "not tried: only root may load BPF programs", "run 'sudo vs doctor'");
            yield break;
        }

        yield return GateKernel.SocketHooks
            ? new Capability(OfSockets, CapabilityState.Works, false, $"counted and refused in hooks of cgroup v2: best-effort and errno; {Block}", "", "")
            : new Capability(OfSockets, CapabilityState.Missing, false, "", "hooks of sockets that see for whom a task works", "mount cgroup v2 (it may be without controllers) on Linux 6.16 or later");
        yield return new Capability(OfProcesses, CapabilityState.Works, false, GateKernel.ForksFail
            ? $"counted where gates work: best-effort and errno; {Block}"
            : $"counted where gates work: best-effort; errno is refused, for this kernel takes no BPF programs as security hooks; {Block}", "", "");
    }

    private static string Block => WaitingKernel.Works ? "block" : "'onLimit: block' is refused, for it needs security hooks that may sleep (Linux 6.12, 'bpf' in /sys/kernel/security/lsm)";

    private static Capability Names()
    {
        const string Name = "virtual hosts";
        if (LibC.geteuid() != 0) return new Capability(Name, CapabilityState.Unknown, false, "", "not tried: only root may load BPF programs", "run 'sudo vs doctor'");
        return GateKernel.ReadsNames
            ? new Capability(Name, CapabilityState.Works, false, "names asked for by HTTP/1 and TLS are read from packets, in cgroup v2", "", "")
            : new Capability(Name, CapabilityState.Missing, false, "", "a hook that reads the packets of sockets", "mount cgroup v2 (it may be without controllers) on a kernel that takes the program on_arrival");
    }

    private static Capability Gates()
    {
        if (LibC.geteuid() != 0) return new Capability("gates", CapabilityState.Unknown, true, "", "not tried: only root may load BPF programs", "run 'sudo vs doctor'");
        if (!File.Exists("/sys/kernel/btf/vmlinux")) return new Capability("gates", CapabilityState.Missing, true, "", "the kernel's type information (/sys/kernel/btf/vmlinux)", "boot a kernel built with CONFIG_DEBUG_INFO_BTF, as Debian's are");
        if (!Directory.Exists("/sys/fs/bpf")) return new Capability("gates", CapabilityState.Missing, true, "", "the BPF file system (/sys/fs/bpf)", "boot a kernel built with CONFIG_BPF_SYSCALL");
        try
        {
            GateKernel.Try();
            string less = GateKernel.SocketHooks ? "" : "; no gates on datagrams and on making sockets, which need cgroup v2 and Linux 6.16";
            return new Capability("gates", CapabilityState.Works, true, $"tracepoints with type information (tp_btf), iterators, storage on tasks and sockets{less}", "", "");
        }
        catch (Exception error) when (error is BpfException or DllNotFoundException)
        {
            string remedy = error is DllNotFoundException ? "apt-get install libbpf1" : "the receive gate needs the tracepoint sock_recv_length (Linux 6.3) and tracing programs allowed (lockdown, CAP_PERFMON)";
            return new Capability("gates", CapabilityState.Missing, true, "", BpfException.SummaryOf(error), remedy);
        }
    }

    /// <summary>One capability for each version of cgroups: the unified hierarchy is used where it has the controller, else v1.</summary>
    internal static IReadOnlyList<Capability> CpuShares(IReadOnlyList<CgroupMount> mounts)
    {
        CgroupMount? used = CgroupMount.WithCpu(mounts);
        return [One(2, "cpu shares (cgroup v2)"), One(1, "cpu shares (cgroup v1)")];

        Capability One(int version, string name)
        {
            CgroupMount? any = mounts.FirstOrDefault(mount => mount.Version == version);
            CgroupMount? withCpu = mounts.FirstOrDefault(mount => mount.Version == version && mount.Controllers.Contains("cpu"));
            bool required = used is null || used.Version == version;
            if (withCpu is not null)
            {
                string files = version == 2 ? "cpu.weight, cpu.max; processes, no single threads" : "cpu.shares, cpu.cfs_quota_us; processes and threads";
                return new Capability(name, withCpu.Version == used!.Version ? CapabilityState.Works : CapabilityState.Unused, required, $"{withCpu.MountPoint}: {files}", "", "");
            }

            string missing = any is null ? "not mounted" : version == 2 ? $"{any.MountPoint} has no cpu controller" : "no hierarchy carries the cpu controller";
            string remedy = version == 2 ? "boot with systemd.unified_cgroup_hierarchy=1, so that v2 has all controllers" : "or mount the controller by itself: mkdir -p /sys/fs/cgroup/cpu && mount -t cgroup -o cpu none /sys/fs/cgroup/cpu";
            return new Capability(name, CapabilityState.Missing, required && (version == 2 || used is not null), "", missing, used is null || version == 2 ? remedy : "");
        }
    }

    /// <summary>favordynmods: whether a lone move of a process is fast.</summary>
    internal static Capability FastMoves(IReadOnlyList<CgroupMount> mounts)
    {
        const string Name = "favordynmods";
        if (CgroupMount.WithCpu(mounts) is null) return new Capability(Name, CapabilityState.Missing, false, "", "no hierarchy with the cpu controller", "see cpu shares");
        if (mounts.FirstOrDefault(mount => mount.FavorsDynamicModifications) is { } mount) return new Capability(Name, CapabilityState.Works, false, $"{mount.MountPoint} has it", "", "");
        return LibC.geteuid() == 0
            ? new Capability(Name, CapabilityState.Works, false, $"will be switched on while enforcing, by one more mount of cgroup2 below {EnforcerLock.Folder} (not tried now)", "", "")
            : new Capability(Name, CapabilityState.Unknown, false, "", "not tried: only root may mount", "run 'sudo vs doctor'");
    }
}
