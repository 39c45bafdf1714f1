using System.Runtime.CompilerServices;
using VirtualServices.Infer.Inventory;
using VirtualServices.Infer.Turns;

namespace VirtualServices.Infer.Links;

/// <summary>An outgoing call while its link is worked out.</summary>
internal sealed class CallNode(ConnectionEnd end, long timeNs, int tid)
{
    public ConnectionEnd End { get; } = end;

    /// <summary>When it was sent, ns.</summary>
    public long TimeNs { get; } = timeNs;

    /// <summary>When the last byte of the answer was there, ns; <see cref="long.MaxValue"/> before.</summary>
    public long ReturnNs { get; set; } = long.MaxValue;

    /// <summary>Thread that sent it, 0 where unknown.</summary>
    public int Tid { get; } = tid;

    /// <summary>Process that sent it.</summary>
    public int Pid { get; init; }

    /// <summary>The request that it is at the other end, where that was read.</summary>
    public RequestNode? Served { get; set; }

    /// <summary>The next call of its connection that waits for the request that it is, while this one waits, too.</summary>
    public CallNode? NextWaiting { get; set; }

    /// <summary>Number of the call on its connection.</summary>
    public long Number { get; set; }

    /// <summary>Name of the service that called, null where unknown.</summary>
    public string? Service { get; init; }

    /// <summary>Number of the callee within the solver, -1 before it is known.</summary>
    public int Callee { get; set; } = -1;

    /// <summary>The request that it most likely works for, or null.</summary>
    public RequestNode? Parent { get; set; }

    /// <summary>The parent, or null where the engine abstains: a wrong link is worse than none.</summary>
    public RequestNode? Told => Confidence >= ConfidenceModel.Threshold ? Parent : null;

    /// <summary>What proves the link, so that nothing is estimated.</summary>
    public LinkProof Proof { get; set; }

    public bool Proven => Proof != LinkProof.None;

    /// <summary>The thread that proves it, until the link is final: a thread that is later seen to work on two requests at once proves nothing.</summary>
    public TracedThread? Prover { get; set; }

    /// <summary>What its thread received last before, until the link is final.</summary>
    public Prompt Prompt { get; set; }

    /// <summary>Nothing about it changes any more.</summary>
    public bool Final { get; private set; }

    /// <summary>Nothing about it changes any more, and what only served to find its link is not kept.</summary>
    public void Conclude()
    {
        Final = true;
        Prover = null;
        Prompt = default;
        Taught = default;
    }

    /// <summary>How sure the link is, 0..1.</summary>
    public double Confidence { get; set; }

    /// <summary>What the confidence is made of, where that is kept.</summary>
    public StrongBox<LinkFeatures>? Features { get; set; }

    /// <summary>CPU time spent to make it and to take its answer, ns, until the link is told.</summary>
    public ulong CpuNs { get; set; }

    /// <summary>Who was called, where known: looked up while the connection is open.</summary>
    public Party? Called { get; set; }

    /// <summary>What was learnt from it last: of which request, and its delays there.</summary>
    public (RequestNode? Request, Delays Delays) Taught { get; set; }

    /// <summary>The request from which the present step took it away.</summary>
    public RequestNode? Before { get; set; }

    /// <summary>Position among the window's calls to the same callee.</summary>
    public int Rank { get; set; }

    /// <summary>Its request's calls before it, while links are judged.</summary>
    public int Position { get; set; }

    /// <summary>Requests of the process that were open when it was sent.</summary>
    public int Open { get; set; }

    /// <summary>Position among the calls that are solved together.</summary>
    public int Index { get; set; }
}

/// <summary>How the execution model proves a link.</summary>
internal enum LinkProof : byte
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>The process served one connection in its life.</summary>
    OnlyConnection,

    /// <summary>The thread that received the request made the call before it began to answer.</summary>
    SameThread,

    /// <summary>The source itself says for which request the call works, or that it works for none.</summary>
    Told,
}
