using System.Runtime.InteropServices;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Linux.Bpf;

namespace VirtualServices.Enforce.Limits;

/// <summary>
/// The programs that stop who meets a limit. They live as long as the enforcer, because without it nobody is stopped; only what lets all go is pinned.
/// </summary>
internal sealed class LimitKernel : IDisposable
{
    private const string Resource = "limits.bpf.o";
    private const string FreePin = "limit_free";
    private const string Free = "free_stopped";
    private static readonly string[] Attached = ["on_made", "on_end", "on_signal"];

    // All calls of the machine pay the way to it.
    private const string OnCall = "on_call";

    private readonly BpfObject _programs;
    private BpfMap? _waiting;
    private readonly List<BpfLink> _links = [];
    private BpfLink? _watch;

    private LimitKernel(BpfObject programs) => _programs = programs;

    /// <summary>True where processes can be stopped at a limit: the numbers of calls, and how an errno is written for them, are known for x86-64 only.</summary>
    public static bool Stops => Loads.Value is null;

    /// <summary>Why processes cannot be stopped; empty where they can.</summary>
    public static string Reason => Loads.Value ?? "";

    private static Lazy<string?> Loads { get; } = new(Try);

    /// <summary>File whose reading lets all go.</summary>
    public static string FreeFile(Pins pins) => pins.Link(FreePin);

    /// <summary>Loads the programs on the maps of the gates, and pins; <see cref="Attach"/> begins. Whom an enforcer before stopped is let go first.</summary>
    /// <exception cref="BpfException">The kernel refused.</exception>
    public static LimitKernel Load(GateKernel gates, Pins pins)
    {
        RemovePins(pins);
        BpfObject programs = BpfObject.Open(GateKernel.Image(Resource), "limits");
        LimitKernel kernel = new(programs);
        try
        {
            HashSet<string> own = [.. programs.Maps()];
            foreach (string name in GateKernel.Maps)
                if (own.Contains(name)) programs.ReuseMap(name, gates[name]);
            programs.Load();
            kernel._waiting = programs.Map("waiting_threads");
            using BpfLink free = programs.AttachIterator(Free);
            free.Pin(FreeFile(pins));
            return kernel;
        }
        catch
        {
            kernel.Dispose();
            throw;
        }
    }

    /// <summary>Begins to stop.</summary>
    public void Attach()
    {
        foreach (string name in Attached) _links.Add(_programs.Attach(name));
    }

    /// <summary>Begins or ends to watch the calls of all processes.</summary>
    public void Watch(bool calls)
    {
        if (calls == _watch is not null) return;
        _watch?.Dispose();
        _watch = calls ? _programs.Attach(OnCall) : null;
    }

    /// <summary>A thread's call has come to its end: the next one begins to wait anew.</summary>
    public void Forget(uint tid) => _waiting!.Delete(tid);

    /// <summary>Stops nobody any more.</summary>
    public void Detach()
    {
        Watch(false);
        foreach (BpfLink link in _links) link.Dispose();
        _links.Clear();
    }

    /// <summary>Lets all go that are stopped, whoever stopped them, and sees to it that nobody is before <see cref="StopControl.Closed"/> is taken back.</summary>
    public static void FreeAll(Pins pins)
    {
        if (!File.Exists(FreeFile(pins))) return;
        using BpfLink free = BpfLink.FromPin(FreeFile(pins));
        free.ReadIterator();
    }

    /// <summary>Lets all go and removes the pins.</summary>
    public static void RemovePins(Pins pins)
    {
        FreeAll(pins);
        if (File.Exists(FreeFile(pins))) File.Delete(FreeFile(pins));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Detach();
        _waiting?.Dispose();
        _programs.Dispose();
    }

    // The programs themselves are asked: they are loaded and attached for a moment, and without limits they do nothing.
    private static string? Try()
    {
        if (RuntimeInformation.OSArchitecture != Architecture.X64) return "only on x86-64";

        // Signals of BPF programs are sent by a thread of their own there, after the call.
        if (File.ReadAllText("/proc/version").Contains("PREEMPT_RT", StringComparison.Ordinal)) return "a kernel with PREEMPT_RT stops a process after its call only";
        if (StoppedProcess.WhyNotFail() is { } refused) return refused;
        try
        {
            using BpfObject programs = BpfObject.Open(GateKernel.Image(Resource), "limits");
            GateKernel.FitRings(programs);
            programs.Load();
            programs.AttachIterator(Free).Dispose();
            foreach (string name in (ReadOnlySpan<string>)[.. Attached, OnCall]) programs.Attach(name).Dispose();
            return null;
        }
        catch (BpfException error)
        {
            return BpfException.SummaryOf(error);
        }
    }
}
