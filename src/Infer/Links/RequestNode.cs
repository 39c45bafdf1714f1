using System.Runtime.InteropServices;
using VirtualServices.Infer.Inventory;
using VirtualServices.Infer.Turns;

namespace VirtualServices.Infer.Links;

/// <summary>A request while its links are worked out.</summary>
internal sealed class RequestNode(ConnectionEnd end, long timeNs, long arrivalNs)
{
    private static readonly List<CallNode> None = [];

    private List<CallNode>? _calls;

    public ConnectionEnd End { get; } = end;

    /// <summary>Time by which outputs name the request: when the receive was entered.</summary>
    public long TimeNs { get; } = timeNs;

    /// <summary>When the request was there, ns.</summary>
    public long ArrivalNs { get; } = arrivalNs;

    /// <summary>When the answer began, ns; <see cref="long.MaxValue"/> while there is none.</summary>
    public long ReplyNs { get; set; } = long.MaxValue;

    /// <summary>Last byte of the answer so far, or the close of the connection, ns; <see cref="long.MaxValue"/> before.</summary>
    public long LastNs { get; set; } = long.MaxValue;

    /// <summary>The next request of its connection whose requester is not known, while this one's is not, either.</summary>
    public RequestNode? NextUnsettled { get; set; }

    /// <summary>Process that received it.</summary>
    public int Pid { get; init; }

    /// <summary>Thread that received it, 0 where unknown.</summary>
    public int Tid { get; init; }

    /// <summary>Number by which the solver tells kinds of requests apart: who asks, and where.</summary>
    public int Class { get; set; } = -1;

    /// <summary>Calls that work for it, in the order of their times. To be added by <see cref="Insert"/>: many requests make none, and need no list.</summary>
    public List<CallNode> Calls => _calls ?? None;

    /// <summary>Calls that were taken out of <see cref="Calls"/> because so many came after them.</summary>
    public int Forgotten { get; private set; }

    /// <summary>What the thread that replies received last before, until all links are final.</summary>
    public Prompt ReplyPrompt { get; set; }

    /// <summary>Name of the service that received it, null where unknown.</summary>
    public string? Service { get; init; }

    /// <summary>1 + index of the virtual service that the source itself knows, else 0.</summary>
    public int KnownVs { get; set; }

    /// <summary>The call at the other end of the connection that is this request, where it was read.</summary>
    public CallNode? Caller { get; set; }

    /// <summary>Who asked, where known.</summary>
    public Party? Asker { get; set; }

    /// <summary>What both ends of the connection alone say.</summary>
    public Origin Direct { get; set; } = Origin.Unknown;

    /// <summary>For whom it is, once <see cref="Resolved"/>.</summary>
    public Origin Origin { get; set; } = Origin.Unknown;

    /// <summary>How sure that is, as far as links are concerned.</summary>
    public double Confidence { get; set; } = 1;

    /// <summary>Both ends were compared.</summary>
    public bool Settled { get; set; }

    public bool Resolved { get; set; }

    /// <summary>On the way up from a request; met again, the links run in a circle.</summary>
    public bool Visiting { get; set; }

    /// <summary>CPU time spent for it so far, ns; 0 once it is <see cref="Resolved"/> and told.</summary>
    public ulong CpuNs { get; set; }

    /// <summary>Delays of its reply that were learnt last.</summary>
    public Delays Taught { get; set; } = new(-1, -1, -1);

    /// <summary>Position among the requests that are solved together.</summary>
    public int Index { get; set; }

    /// <summary>No other request of its process was open at the same time.</summary>
    public bool Alone { get; set; }

    /// <summary>Gives it a call.</summary>
    public void Insert(CallNode call)
    {
        const int UsualCalls = 2;
        List<CallNode> calls = _calls ??= new List<CallNode>(UsualCalls);
        int at = calls.Count == 0 || calls[^1].TimeNs <= call.TimeNs ? calls.Count : Timeline.CountUntil(CollectionsMarshal.AsSpan(calls), call.TimeNs);
        calls.Insert(at, call);
        call.Parent = this;
    }

    /// <summary>Its calls that were sent by then.</summary>
    public ReadOnlySpan<CallNode> CallsUntil(long timeNs)
    {
        ReadOnlySpan<CallNode> calls = CollectionsMarshal.AsSpan(Calls);
        return calls[..Timeline.CountUntil(calls, timeNs)];
    }

    /// <summary>A request that stays open for good must not keep all its calls: of those that are final, the last ones suffice.</summary>
    public void Forget()
    {
        int final = 0;
        while (final < Calls.Count && Calls[final].Final) final++;
        int forgotten = final - WindowSolver.MostCalls;
        if (forgotten <= 0) return;
        Calls.RemoveRange(0, forgotten);
        Forgotten += forgotten;
    }
}
