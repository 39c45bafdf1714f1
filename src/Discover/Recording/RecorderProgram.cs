using System.Reflection;
using System.Runtime.InteropServices;
using VirtualServices.Linux.Bpf;
using VirtualServices.Model;

namespace VirtualServices.Discover.Recording;

/// <summary>The recorder in the kernel: loaded, attached, told which processes to record.</summary>
internal sealed partial class RecorderProgram : IDisposable
{
    // Inheritance first: from then on no child of a marked task is missed.
    private static readonly string[] CommonPrograms = ["on_fork", "on_exec", "on_task_exit", "on_tcp_state", "on_waking"];
    private static readonly string[] SyscallPrograms = ["on_enter", "on_exit"];
    private static readonly string[] SocketPrograms = ["on_receive", "on_send", "on_tcp_close"];

    private readonly BpfObject _object;
    private readonly BpfMap _ring;
    private readonly BpfMap _services;
    private readonly BpfMap _counts;
    private readonly List<BpfLink> _links = [];

    /// <summary>Loads and attaches. Nothing is recorded before <see cref="Mark"/>.</summary>
    /// <exception cref="VsException">The kernel lacks something or refuses.</exception>
    internal RecorderProgram(int ringBytes, RecordLevel level)
    {
        CheckHost();
        try
        {
            _object = BpfObject.Open(Image(), "recorder");
            _object.SetInitialValue(".rodata", CallTable.Build() with { LevelSockets = level == RecordLevel.Sockets ? 1u : 0u });
            _object.SetMaxEntries("ring", (uint)ringBytes);
            (string[] wanted, string[] unwanted) = level == RecordLevel.Sockets ? (SocketPrograms, SyscallPrograms) : (SyscallPrograms, SocketPrograms);
            foreach (string program in unwanted) _object.SkipProgram(program);
            _object.Load();
            _ring = _object.Map("ring");
            _services = _object.Map("services");
            _counts = _object.Map("counts");
            Ring = new RingBuffer(_ring);
            LearnEventfd();
            foreach (string program in CommonPrograms.Concat(wanted)) _links.Add(_object.Attach(program));
        }
        catch (BpfException error)
        {
            Dispose();
            throw Explain(error);
        }
    }

    /// <summary>Records from the kernel; for one thread.</summary>
    internal RingBuffer Ring { get; } = null!;

    /// <summary>Marks all threads of the processes; they and what they fork are recorded from now on. Processes marked before stay marked.</summary>
    /// <param name="processes">Process id to the number of its service.</param>
    internal void Mark(IEnumerable<KeyValuePair<int, uint>> processes)
    {
        try
        {
            foreach ((int pid, uint service) in processes) _services.Update((uint)pid, service);
            using BpfLink iterator = _object.AttachIterator("mark_tasks");
            iterator.ReadIterator();
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
            sum.Events += one.Events;
            sum.Lost += one.Lost;
            sum.Foreign += one.Foreign;
            sum.Unmarked += one.Unmarked;
        }

        return sum;
    }

    /// <summary>Stops recording. What is in the ring stays there to be read.</summary>
    internal void Detach()
    {
        foreach (BpfLink link in _links) link.Dispose();
        _links.Clear();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Detach();
        Ring?.Dispose();
        _ring?.Dispose();
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
        const string TypeInformation = "/sys/kernel/btf/vmlinux";
        const string InitialPidNamespace = "pid:[4026531836]";
        if (!Environment.IsPrivilegedProcess) throw new VsException(ExitCode.Permission, "recording loads BPF programs into the kernel and so needs root: run it with sudo");
        if (!File.Exists(TypeInformation)) throw new VsException(ExitCode.HostLacks, $"recording needs the kernel's type information ({TypeInformation}): run a kernel built with CONFIG_DEBUG_INFO_BTF, such as Debian's own");
        if (new FileInfo("/proc/self/ns/pid").LinkTarget != InitialPidNamespace)
            throw new VsException(ExitCode.HostLacks, "recording must run in the host's process name space: inside a container process ids mean other processes. Run it on the host, or start the container with --pid=host");
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
