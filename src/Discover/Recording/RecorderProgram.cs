using System.Reflection;
using System.Runtime.InteropServices;
using VirtualServices.Linux.Bpf;
using VirtualServices.Linux.Cgroups;
using VirtualServices.Linux.Processes;
using VirtualServices.Model;

namespace VirtualServices.Discover.Recording;

/// <summary>The recorder in the kernel: loaded, attached, told which processes to record.</summary>
internal sealed partial class RecorderProgram : IDisposable
{
    private const string TypeInformation = "/sys/kernel/btf/vmlinux";

    // Inheritance first: from then on no child of a marked task is missed.
    private static readonly string[] CommonPrograms = ["on_fork", "on_exec", "on_task_exit", "on_tcp_state", "on_waking"];
    private static readonly string[] SyscallPrograms = ["on_enter", "on_exit"];
    private static readonly string[] SocketPrograms = ["on_tcp_change", "on_receive", "on_send"];

    // Of cgroups: they are attached to the root of the unified hierarchy.
    private static readonly string[] HookPrograms = ["on_datagram_from4", "on_datagram_from6", "on_datagram_to4", "on_datagram_to6", "on_release"];

    private readonly BpfObject _object;
    private readonly BpfMap _rings;
    private readonly BpfMap _peers;
    private readonly BpfMap _services;
    private readonly BpfMap _counts;
    private readonly List<BpfLink> _links = [];
    private readonly RecordLevel _level;
    private readonly string? _root; // of the unified hierarchy, where the host has hooks of sockets

    /// <summary>Loads and attaches. Nothing is recorded before <see cref="Mark"/>.</summary>
    /// <param name="level">How much is recorded.</param>
    /// <param name="ringBytes">Size of all rings together.</param>
    /// <param name="existing">Inodes of unix sockets that are there already: neither their accept nor their connect is told.</param>
    /// <exception cref="VsException">The kernel lacks something or refuses.</exception>
    internal RecorderProgram(RecordLevel level, int ringBytes, IReadOnlyList<ulong> existing)
    {
        CheckHost();
        if (level == RecordLevel.Sockets) CheckTracepoints();
        string? root = level == RecordLevel.Sockets ? CgroupMount.Find().FirstOrDefault(mount => mount.Version == 2)?.MountPoint : null;
        try
        {
            BpfObject? whole = root is null ? null : TryLoadWithHooks(ringBytes, existing.Count);
            if (whole is null) root = null;
            if (level == RecordLevel.Sockets && root is null)
                Blind = "this host has no hooks of sockets for the recorder (Linux 6.16 and a mounted cgroup2 have them): closes and the addresses of datagrams are not recorded. Record with --level syscalls if these matter.";
            _object = whole ?? Load(level, hooks: false, ringBytes, existing.Count);
            _rings = _object.Map("rings");
            _services = _object.Map("services");
            _counts = _object.Map("counts");
            Rings = new EventRings(_rings);
            _peers = _object.Map("peers");
            Peers = new RingBuffer(_peers);
            LearnEventfd();
            using (BpfMap there = _object.Map("existing"))
                foreach (ulong inode in existing) there.Update(inode, (byte)1);
            _level = level;
            _root = root;
            Attach();
        }
        catch (BpfException error)
        {
            Dispose();
            throw Explain(error);
        }
    }

    /// <summary>What this host keeps from being seen at the level; null for nothing.</summary>
    internal string? Blind { get; }

    /// <summary>Records from the kernel; for one thread.</summary>
    internal EventRings Rings { get; } = null!;

    /// <summary>Ids of the processes at the other ends of recorded sockets (int), as they show themselves; for the same thread.</summary>
    internal RingBuffer Peers { get; } = null!;

    /// <summary>Marks all threads of the processes; they and what they fork are recorded from now on. Processes marked before stay marked.</summary>
    /// <param name="processes">Process id to the number of its service.</param>
    /// <returns>Those that were not marked before.</returns>
    internal HashSet<int> Mark(IReadOnlyDictionary<int, uint> processes)
    {
        const uint Marked = 1u << 31; // SERVICE_MARKED
        try
        {
            foreach ((int pid, uint service) in processes) _services.Update((uint)pid, service);
            using (BpfLink iterator = _object.AttachIterator("mark_tasks")) iterator.ReadIterator();
            HashSet<int> marked = [];
            foreach (int pid in processes.Keys)
            {
                if (_services.TryLookup((uint)pid, out uint service) && (service & Marked) != 0) marked.Add(pid);
                _services.Delete((uint)pid); // the number may be another's when somebody is marked again
            }

            return marked;
        }
        catch (BpfException error)
        {
            throw Explain(error);
        }
    }

    /// <summary>Counts of all CPUs together.</summary>
    internal RingCounts ReadCounts()
    {
        Span<RingCounts> perCpu = new RingCounts[BpfMap.PossibleCpus];
        _counts.TryLookupPerCpu(0u, perCpu);
        RingCounts sum = default;
        foreach (RingCounts one in perCpu)
        {
            sum.Lost += one.Lost;
            sum.Foreign += one.Foreign;
            sum.Unmarked += one.Unmarked;
        }

        return sum;
    }

    /// <summary>Puts the programs to the kernel's hooks.</summary>
    /// <exception cref="BpfException">The kernel refuses one.</exception>
    internal void Attach()
    {
        foreach (string program in CommonPrograms) _links.Add(_object.Attach(program));
        foreach (string program in _level == RecordLevel.Sockets ? SocketPrograms : SyscallPrograms) _links.Add(_object.Attach(program));
        if (_root is null) return;
        foreach (string program in HookPrograms) _links.Add(_object.AttachCgroup(program, _root));
    }

    /// <summary>Stops recording. What is in the rings stays there to be read.</summary>
    internal void Detach()
    {
        foreach (BpfLink link in _links) link.Dispose();
        _links.Clear();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Detach();
        Peers?.Dispose();
        _peers?.Dispose();
        Rings?.Dispose();
        _rings?.Dispose();
        _services?.Dispose();
        _counts?.Dispose();
        _object?.Dispose();
    }

    /// <summary>The compiled program, as built into this assembly.</summary>
    internal static byte[] Image()
    {
        const string Name = "recorder.bpf.o";
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(Name) ?? throw new InvalidOperationException($"the resource {Name} is missing from the build");
        byte[] image = new byte[stream.Length];
        stream.ReadExactly(image);
        return image;
    }

    /// <summary>Says what is missing before the kernel would say it in its own words.</summary>
    internal static void CheckHost()
    {
        if (!Environment.IsPrivilegedProcess) throw new VsException(ExitCode.Permission, "recording loads BPF programs into the kernel and so needs root: run it with sudo");
        if (Lacking() is { } lacking) throw new VsException(ExitCode.HostLacks, $"recording needs {lacking.Missing}: {lacking.Remedy}");
    }

    /// <summary>What of the host is missing that can be told without root, and how to get it; null where nothing is.</summary>
    internal static (string Missing, string Remedy)? Lacking()
    {
        const string InitialPidNamespace = "pid:[4026531836]", InitialTimeNamespace = "time:[4026531834]";
        if (!File.Exists(TypeInformation)) return ($"the kernel's type information ({TypeInformation})", "run a kernel built with CONFIG_DEBUG_INFO_BTF, such as Debian's own");
        if (new FileInfo("/proc/self/ns/pid").LinkTarget != InitialPidNamespace)
            return ("the host's process name space (inside a container process ids mean other processes)", "run it on the host, or start the container with --pid=host");
        return new FileInfo("/proc/self/ns/time").LinkTarget is null or InitialTimeNamespace
            ? null
            : ("the host's time name space (in another one CLOCK_MONOTONIC is not the kernel's)", "run it on the host");
    }

    private static void CheckTracepoints()
    {
        if (!KernelHas("\0btf_trace_sock_recv_length\0"u8))
            throw new VsException(ExitCode.HostLacks, "--level sockets needs Linux 6.3, whose sockets tell of receives and sends: record with --level syscalls");
    }

    private static bool KernelHas(ReadOnlySpan<byte> name) => File.ReadAllBytes(TypeInformation).AsSpan().IndexOf(name) >= 0;

    private static BpfObject Load(RecordLevel level, bool hooks, int ringBytes, int existing) => Load(level, hooks, ringBytes, existing, KernelHas("\0bpf_rdonly_cast\0"u8));

    /// <summary>Loads the programs.</summary>
    /// <param name="level">Which of them.</param>
    /// <param name="hooks">With those of cgroups.</param>
    /// <param name="ringBytes">Size of all rings together.</param>
    /// <param name="existing">How many unix sockets are there.</param>
    /// <param name="casts">Whether the kernel has bpf_rdonly_cast (Linux 6.2).</param>
    /// <exception cref="BpfException">The kernel refuses.</exception>
    internal static BpfObject Load(RecordLevel level, bool hooks, int ringBytes, int existing, bool casts)
    {
        BpfObject program = BpfObject.Open(Image(), "recorder");
        try
        {
            RecorderConfig config = CallTable.Build();
            int rings = OnlineCpus.Count();
            uint slots = EventRings.SlotsFor(ringBytes, rings);
            config.Casts = casts ? (byte)1 : (byte)0;
            config.RingMask = slots - 1;
            config.Rings = (uint)rings;
            program.SetInitialValue(".rodata", config);
            program.SetMaxEntries("rings", (uint)rings);
            program.SetValueSize("rings", EventRings.ValueBytes(slots));
            program.SetMaxEntries("existing", (uint)Math.Max(1, existing));
            foreach (string name in level == RecordLevel.Sockets ? SyscallPrograms : SocketPrograms) program.SkipProgram(name);
            if (!hooks)
                foreach (string name in HookPrograms) program.SkipProgram(name);
            program.Load();
            return program;
        }
        catch
        {
            program.Dispose();
            throw;
        }
    }

    // Asked of the kernel with the programs themselves: which helpers its hooks allow cannot be asked otherwise.
    private static BpfObject? TryLoadWithHooks(int ringBytes, int existing)
    {
        try
        {
            return Load(RecordLevel.Sockets, hooks: true, ringBytes, existing);
        }
        catch (BpfException)
        {
            return null;
        }
    }

    /// <summary>Shows the program an eventfd: the kernel has no name for what tells one from other files.</summary>
    private void LearnEventfd()
    {
        const int CloseOnExec = 0x80000;
        using Microsoft.Win32.SafeHandles.SafeFileHandle sample = new(eventfd(0, CloseOnExec), ownsHandle: true);
        EventfdRequest request = new() { Fd = (int)sample.DangerousGetHandle() };
        _object.Run("learn_eventfd", ref request);
        if (request.Found == 0) throw new VsException(ExitCode.HostLacks, "the recorder cannot tell an eventfd from other files: the kernel gave none");
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int eventfd(uint value, int flags);

    private static VsException Explain(BpfException error)
        => new(error.Errno is 1 or 13 ? ExitCode.Permission : ExitCode.HostLacks, $"the kernel does not take the recorder: {error.Message}", error);
}
