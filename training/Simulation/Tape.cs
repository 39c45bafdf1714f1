namespace VirtualServices.Training.Simulation;

/// <summary>What is recorded of a scenario, and what is true of it.</summary>
internal sealed class Tape(RecordingPlan plan, int seed)
{
    private readonly Dice _losses = new(seed, DicePart.Losses), _ties = new(seed, DicePart.Ties);
    private readonly List<TapeEvent> _events = [];
    private readonly List<TrueCall> _calls = [];

    /// <summary>In the order of the recorded times.</summary>
    public IEnumerable<TapeEvent> Events => plan.TiesShuffled
        ? _events.OrderBy(e => e.TimeNs).ThenBy(e => e.Rank).ThenBy(e => e.Shuffle)
        : _events.OrderBy(e => e.TimeNs); // stable

    public IReadOnlyList<TrueCall> Calls => _calls;

    /// <summary>Time as it is recorded.</summary>
    public long Stamp(long ns) => (ns / plan.TickNs + 1) * plan.TickNs;

    /// <summary>Decides once per trace.</summary>
    public bool IsRecorded(int trace) => trace < 0 || new Dice(seed, DicePart.Sampling, trace).Part() < plan.Sampled;

    public void Add(TapeEvent e)
    {
        int shuffle = _ties.Whole(0, int.MaxValue - 1);
        if (_losses.Chance(plan.Lost) || !IsRecorded(e.Trace) || (e.Call == "wake" && !(plan.Wakes && plan.ThreadIds))) return;
        _events.Add(e with { TimeNs = Stamp(e.TimeNs), Tid = plan.ThreadIds ? e.Tid : 0, Shuffle = shuffle });
    }

    public void Add(TrueCall call)
    {
        if (IsRecorded(call.Trace)) _calls.Add(call);
    }
}

/// <summary>An event before it is written.</summary>
/// <param name="TimeNs">When, ns.</param>
/// <param name="Service">Name of the service.</param>
/// <param name="Pid">Process.</param>
/// <param name="Tid">Thread, 0 where not told.</param>
/// <param name="Connection">Connection.</param>
/// <param name="Server">On the server's side.</param>
/// <param name="Call">recv, send, close or wake.</param>
/// <param name="Trace">The request from outside for which it happens, or -1.</param>
/// <param name="Tenant">At a front door: whose it is; else null.</param>
internal readonly record struct TapeEvent(long TimeNs, string Service, int Pid, int Tid, string Connection, bool Server, string Call, int Trace, string? Tenant)
{
    public int Shuffle { get; init; }

    /// <summary>The woken thread, else 0.</summary>
    public int Woken { get; init; }

    /// <summary>Among events of one time: what can only come first.</summary>
    public int Rank => (Call, Server) switch { ("recv", true) => 0, ("send", false) => 1, ("recv", false) => 2, ("send", true) => 3, _ => 4 };
}

/// <summary>A call, and the request that caused it.</summary>
internal sealed class TrueCall
{
    public required int Trace { get; init; }

    public required string Tenant { get; init; }

    public required string Connection { get; init; }

    /// <summary>The callee.</summary>
    public required string Service { get; init; }

    /// <summary>The calling service, or null for a request from outside.</summary>
    public required string? Caller { get; init; }

    /// <summary>Recorded time of the call, ns.</summary>
    public required long SentNs { get; init; }

    /// <summary>The request for which it was made, or null: background work, or from outside.</summary>
    public required (string Connection, long TimeNs)? Parent { get; init; }

    /// <summary>Recorded time at which the callee received it, ns.</summary>
    public long ReceivedNs { get; set; }

    /// <summary>Recorded time at which the callee answered, ns.</summary>
    public long EndNs { get; set; }
}
