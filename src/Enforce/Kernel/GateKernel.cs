using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using VirtualServices.Linux.Bpf;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Kernel;

/// <summary>The gates in the kernel: their maps and iterators, loaded anew or taken over from the pins of an earlier enforcer.</summary>
internal sealed class GateKernel : IDisposable
{
    private const string Resource = "gates.bpf.o";
    private const string BeforeSend = "on_sending";
    private const string Rebinds = "rebinds";
    private const uint RingBytes = 1 << 17;
    private const string TypeInformation = "/sys/kernel/btf/vmlinux", SecurityModules = "/sys/kernel/security/lsm";
    private static readonly string[] Attached = ["on_switch", "on_fork", "on_exec", "on_attach", "on_mkdir", "on_rmdir", "on_state", "on_receive"];

    // Where all gates are about TCP connections these have nothing to do, and each packet and each send of the machine would pay the way to them.
    private static readonly string[] BeyondTcp = ["on_queue", "on_ready", "on_sent"];
    private static readonly string[] OnCgroups = ["on_release", "on_connect4", "on_connect6", "on_socket", "on_datagram4", "on_datagram6"];
    // Reads the names that are asked for: only where a rule has one, because each packet that arrives at the host pays the way to it.
    private const string OnNames = "on_arrival";
    // Where no process was ever counted, ends of processes are nothing to be told of, and there is no entry for each of them.
    private const string OnExit = "on_exit", OnForking = "on_forking", CountedProcesses = "counted_processes";
    private const uint MostPids = 1 << 22; // PID_MAX_LIMIT: kernel.pid_max may be raised at any time
    private static readonly string[] Iterators = ["assign_tags", "list_tasks", "mark_listeners", "mark_connections", "list_servers", "list_connections", "count_sockets", "count_idle", "count_members"];

    private static readonly string[] MapNames =
    [
        "control", "flows", "rules", "inet_endpoints", "unix_endpoints", "vs_alive", "gate_counts", "accounts", "process_cpu", "listeners",
        "charges", "assignments", Rebinds, "news", "names", "origins", "agent", "latencies", "task_tags", "sock_tags", "vs_shares", "vs_runtime",
        "members", "member_names", "member_listeners", "datagrams", "clients", "flow_changes", "hosts", "name_counts", "service_calls", "vs_counters", "limits", "counter_parents", "counter_uses",
        CountedProcesses,
    ];

    private readonly Dictionary<string, BpfMap> _maps = [];
    private readonly Pins _pins;

    private GateKernel(Pins pins) => _pins = pins;

    /// <summary>Digest of the programs inside this <c>vs</c>: same digest, same programs.</summary>
    public static ReadOnlySpan<byte> ProgramDigest => Digest.Value;

    /// <summary>True where the pinned programs were kept as they are.</summary>
    public bool TookOver { get; private init; }

    private static Lazy<bool> HooksLoad { get; } = new(() => TryAlone(OnCgroups));

    private static Lazy<bool> ForkingLoads { get; } = new(() => HasSecurityHooks && TryAlone([OnForking]));

    private static Lazy<bool> NamesLoad { get; } = new(() => TryAlone([OnNames]));

    private static Lazy<byte[]> Digest { get; } = new(() => SHA256.HashData(Image()));

    /// <summary>Names of the maps that other programs may share.</summary>
    public static IReadOnlyList<string> Maps => MapNames;

    /// <summary>A map by its name in <c>gates_maps.h</c>.</summary>
    public BpfMap this[string map] => _maps[map];

    /// <summary>Opens what is pinned, to read or to go on.</summary>
    /// <exception cref="VsException">The pins are incomplete, not readable or those of another layout.</exception>
    public static GateKernel Open(Pins pins)
    {
        GateKernel kernel = new(pins) { TookOver = true };
        try
        {
            kernel._maps["agent"] = BpfMap.FromPin(pins.Map("agent")); // first: another version may not have the others
            if (!Agent.IsForeign(kernel["agent"]))
                foreach (string name in MapNames.Where(name => name != "agent")) kernel._maps[name] = BpfMap.FromPin(pins.Map(name));
            if (Agent.IsForeign(kernel["agent"]) || kernel["accounts"].ValueSize != Unsafe.SizeOf<Account>() || kernel[Rebinds].ValueSize != sizeof(uint))
                throw new VsException(ExitCode.DoesNotHold, $"the gates in {pins.Root} are those of another version of vs, which lays its tags out in another way: run 'vs stop' of that version, which puts all processes back where they came from; that of this version puts them into the root cgroup");
            foreach (string name in (ReadOnlySpan<string>)[.. Attached, .. Iterators])
                if (!File.Exists(pins.Link(name))) throw new FileNotFoundException(pins.Link(name));
            return kernel;
        }
        catch (VsException)
        {
            kernel.Dispose();
            throw;
        }
        catch (Exception error) when (error is BpfException or FileNotFoundException)
        {
            kernel.Dispose();
            throw new VsException(ExitCode.DoesNotHold, $"what an earlier enforcer left in {pins.Root} is incomplete ({error.Message}): run 'vs stop' to clear it", error);
        }
    }

    /// <summary>
    /// Loads and attaches programs of our own. With <paramref name="previous"/> they work on its maps, and its attachments go after ours are in place: no gap.
    /// Datagrams and unix sockets, once they are watched, are so until everything is stopped: what they carry is counted at both ends. So are ends of processes, once these are counted.
    /// </summary>
    /// <param name="pins">Where to pin.</param>
    /// <param name="previous">What is pinned there, or null.</param>
    /// <param name="reach">What the rules can meet.</param>
    public static GateKernel Load(Pins pins, GateKernel? previous, Reach reach)
    {
        bool beyondTcp = reach.BeyondTcp;
        beyondTcp |= previous is { WatchesBeyondTcp: true } || !MarksInTime;
        bool counted = previous is { CountsProcesses: true }, processes = reach.Processes || counted;
        GateKernel kernel = new(pins);
        using BpfObject programs = BpfObject.Open(Image(), "gates");
        try
        {
            if (previous is not null)
                foreach (string name in MapNames.Where(name => counted || !processes || name != CountedProcesses)) programs.ReuseMap(name, previous[name]);
            Fit(programs);
            if (previous is null) programs.SetMaxEntries(Rebinds, (uint)BpfMap.PossibleCpus);
            if (!beyondTcp)
                foreach (string name in BeyondTcp) programs.SkipProgram(name);
            if (!reach.Names) programs.SkipProgram(OnNames);
            if (!processes || !ForksFail) programs.SkipProgram(OnForking);
            if (!processes) programs.SkipProgram(OnExit);
            else if (!counted) programs.SetMaxEntries(CountedProcesses, MostPids);
            programs.Load();
            pins.Create();
            foreach (string name in MapNames)
            {
                kernel._maps[name] = programs.Map(name);
                if (previous is null) kernel._maps[name].Pin(pins.Map(name));
                else if (name == CountedProcesses && processes && !counted) Exchange(kernel._maps[name].Pin, pins.Map(name));
            }

            if (previous is null) kernel.MakeRings();

            // Iterators first: a reader that finds the gates attached finds them, too.
            foreach (string name in Iterators) Replace(programs.AttachIterator(name), pins.Link(name));
            if (SocketHooks)
                foreach (string name in OnCgroups) Replace(programs.AttachCgroup(name, UnifiedRoot!), pins.Link(name));
            if (reach.Names) Replace(programs.AttachCgroup(OnNames, UnifiedRoot!), pins.Link(OnNames));
            if (processes) Replace(programs.Attach(OnExit), pins.Link(OnExit));
            if (processes && ForksFail) Replace(programs.Attach(OnForking), pins.Link(OnForking));
            if (MarksInTime) Replace(programs.Attach(BeforeSend), pins.Link(BeforeSend));
            foreach (string name in beyondTcp ? [.. BeyondTcp, .. Attached] : Attached) Replace(programs.Attach(name), pins.Link(name));
            return kernel;
        }
        catch
        {
            kernel.Dispose();
            if (previous is null) pins.Remove();
            throw;
        }
    }

    /// <summary>Loads and attaches the programs for a moment, to see whether this kernel takes them. Without rules and tags they do nothing.</summary>
    public static void Try()
    {
        using BpfObject programs = BpfObject.Open(Image(), "gates");
        Fit(programs);
        foreach (string name in (ReadOnlySpan<string>)[OnNames, OnForking]) programs.SkipProgram(name);
        programs.Load();
        foreach (string name in Iterators) programs.AttachIterator(name).Dispose();
        foreach (string name in (ReadOnlySpan<string>)[.. Attached, .. BeyondTcp, OnExit]) programs.Attach(name).Dispose();
    }

    /// <summary>True where there are gates for datagrams and for making sockets, and limits of sockets: their hooks need the unified hierarchy and storage of tasks.</summary>
    public static bool SocketHooks => UnifiedRoot is not null && HooksLoad.Value;

    /// <summary>True where names that are asked for can be read: from packets, in the unified hierarchy.</summary>
    public static bool ReadsNames => UnifiedRoot is not null && NamesLoad.Value;

    /// <summary>Root of the unified hierarchy, where sockets' hooks are attached; null where it is not mounted.</summary>
    public static string? UnifiedRoot { get; } = Linux.Cgroups.CgroupMount.Find().FirstOrDefault(mount => mount.Version == 2)?.MountPoint;

    /// <summary>True where the kernel has a tracepoint before the bytes of a TCP send leave (Linux 6.16): then each request of a pooled connection is told in time.</summary>
    public static bool MarksInTime { get; } = File.Exists(TypeInformation) && File.ReadAllBytes(TypeInformation).AsSpan().IndexOf("\0btf_trace_tcp_sendmsg_locked\0"u8) >= 0;

    /// <summary>True where a fork can be made to fail: the kernel lets BPF programs be security hooks (<c>bpf</c> in its list <c>lsm=</c>).</summary>
    public static bool ForksFail => ForkingLoads.Value;

    /// <summary>True where the kernel says that BPF programs may be security hooks. Whether it takes them is another question.</summary>
    public static bool HasSecurityHooks { get; } = File.Exists(SecurityModules) && File.ReadAllText(SecurityModules).TrimEnd().Split(',').Contains("bpf");

    // By the map, for a start may have been cut short: its entries are what was counted.
    private bool CountsProcesses => this[CountedProcesses].MaxEntries > 1;

    private bool WatchesBeyondTcp => File.Exists(_pins.Link(BeyondTcp[0]));

    /// <summary>What the attached programs can meet.</summary>
    public Reach Reach => new(WatchesBeyondTcp, File.Exists(_pins.Link(OnNames)), CountsProcesses && File.Exists(_pins.Link(OnExit)));

    /// <summary>Once other rules are in force: detaches what read the names of those before, where the new ones have none.</summary>
    public void Keep(Reach reach)
    {
        if (!reach.Names) File.Delete(_pins.Link(OnNames));
    }

    /// <summary>The programs that are attached to tracepoints now.</summary>
    public IReadOnlyList<string> OnTracepoints => [.. Attached, .. BeyondTcp.Append(BeforeSend).Append(OnExit).Where(name => File.Exists(_pins.Link(name)))];

    /// <summary>The ring of a processor, into which gates write the re-binds that happen there.</summary>
    public BpfMap RebindsOf(int cpu) => this[Rebinds].Inner((uint)cpu) ?? throw new InvalidOperationException($"there is no ring of re-binds for CPU {cpu}");

    /// <summary>Runs an iterator and gives its records.</summary>
    public T[] Run<T>(string iterator)
        where T : unmanaged
    {
        using BpfLink link = BpfLink.FromPin(_pins.Link(iterator));
        return MemoryMarshal.Cast<byte, T>(link.ReadIterator()).ToArray();
    }

    /// <summary>Runs an iterator that only changes tags.</summary>
    public void Run(string iterator)
    {
        using BpfLink link = BpfLink.FromPin(_pins.Link(iterator));
        link.ReadIterator();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (BpfMap map in _maps.Values) map.Dispose();
        _maps.Clear();
    }

    private void MakeRings()
    {
        for (int cpu = 0; cpu < BpfMap.PossibleCpus; cpu++)
        {
            using BpfMap ring = BpfMap.CreateRing(Rebinds, RingBytes);
            this[Rebinds].SetInner((uint)cpu, ring);
        }
    }

    // Asked of the kernel with the programs themselves: libbpf's own question for a helper takes the refusals of later kernels for a yes.
    private static bool TryAlone(string[] wanted)
    {
        using BpfObject programs = BpfObject.Open(Image(), "gates");
        foreach (string name in (ReadOnlySpan<string>)[BeforeSend, OnNames, OnExit, OnForking, .. OnCgroups, .. Attached, .. BeyondTcp, .. Iterators])
            if (!wanted.Contains(name)) programs.SkipProgram(name);
        try
        {
            programs.Load();
            return true;
        }
        catch (BpfException)
        {
            return false;
        }
    }

    private static void Fit(BpfObject programs)
    {
        if (!SocketHooks)
            foreach (string name in OnCgroups) programs.SkipProgram(name);
        if (MarksInTime) return;
        programs.SkipProgram(BeforeSend);
        programs.SetInitialValue(".rodata.late", true);
    }

    private static void Replace(BpfLink link, string pin)
    {
        using (link) Exchange(link.Pin, pin);
    }

    private static void Exchange(Action<string> put, string pin)
    {
        if (!File.Exists(pin))
        {
            put(pin);
            return;
        }

        // A bpffs takes no name with a dot.
        string next = pin + "_next";
        if (File.Exists(next)) File.Delete(next);
        put(next);
        File.Move(next, pin, overwrite: true); // at once: whoever is killed here leaves one or the other
    }

    private static byte[] Image() => Image(Resource);

    /// <summary>A compiled BPF object inside this program.</summary>
    public static byte[] Image(string resource)
    {
        using Stream stream = typeof(GateKernel).Assembly.GetManifestResourceStream(resource) ?? throw new InvalidOperationException($"resource {resource} is missing");
        byte[] image = new byte[stream.Length];
        stream.ReadExactly(image);
        return image;
    }
}
