namespace VirtualServices.Infer.Links;

/// <summary>
/// What a thread (or, where threads are not told, a process) received last before it sent something. A thread that works on a piece at a time sends for the request that it was prompted by:
/// the request itself, or the answer to one of the request's calls. How strictly a service keeps to that is learnt.
/// </summary>
/// <param name="Request">A request, or null.</param>
/// <param name="Call">A call whose answer was received, or, where nothing was received since the thread's last reply, which it sent since; or null.</param>
internal readonly record struct Prompt(RequestNode? Request, CallNode? Call)
{
    public bool IsKnown => Request is not null || Call is not null;

    /// <summary>When it was received or sent, ns.</summary>
    public long TimeNs => Request is not null ? Request.ArrivalNs : Call!.ReturnNs == long.MaxValue ? Call.TimeNs : Call.ReturnNs;

    /// <summary>It belongs to the request, given the request's calls before, in the order of their times. Searched for by its time: one request may prompt any number of calls.</summary>
    public bool IsOf(RequestNode request, ReadOnlySpan<CallNode> before)
    {
        if (Request is not null) return Request == request;
        int until = Timeline.CountUntil(before, Call!.TimeNs);
        for (int i = until - 1; i >= Math.Max(until - Timeline.LookBack, 0) && before[i].TimeNs == Call.TimeNs; i--)
        {
            if (before[i] == Call) return true;
        }

        return false;
    }

    /// <summary>It belongs to the request, as links stand now.</summary>
    public bool IsOf(RequestNode request) => Request is not null ? Request == request : Call!.Parent == request;
}
