namespace VirtualServices.Infer.Links;

/// <summary>How likely it is that a request made certain calls at certain times, and learning from one that did.</summary>
internal static class Timeline
{
    /// <summary>How far back the latest sent and returned calls are looked for.</summary>
    internal const int LookBack = 16;

    /// <summary>Log likelihood of a request with these calls, in the order of their times.</summary>
    public static double Score(ServiceModel model, RequestNode request, ReadOnlySpan<CallNode> calls)
    {
        double score = 0;
        ulong sign = 0;
        model.Scored += calls.Length;
        for (int i = 0; i < calls.Length; i++)
        {
            CallNode call = calls[i];
            score += Send(model, request, calls[..i], call);
            score += Thread(model, request, call) + Prompted(model, request, calls[..i], call);
            score += IsLate(request, call) ? model.LogLate : model.LogTimely;
            sign += ServiceModel.SignOf(call.Callee);
        }

        if (model.IsPrompted && request.ReplyPrompt.IsKnown) score += model.ReplyPrompt.Log(request.ReplyPrompt.IsOf(request, calls));
        return score + model.LogCalls(request.Class, sign) + Reply(model, request, calls);
    }

    /// <summary>Learns from a request and its calls.</summary>
    public static void Learn(ServiceModel model, RequestNode request)
    {
        ReadOnlySpan<CallNode> calls = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(request.Calls);
        ulong sign = 0;
        for (int i = 0; i < calls.Length; i++)
        {
            CallNode call = calls[i];
            Delays delays = DelaysOf(model, request, calls[..i], call.TimeNs);
            model.SlotOf(call.Callee, IsLater(calls[..i], call.Callee)).Add(delays);
            call.Taught = (request, delays);
            model.AddLate(IsLate(request, call));
            if (call.Tid != 0 && request.Tid != 0) model.Thread.Add(call.Tid == request.Tid, link: true);
            if (call.Open > 1 && call.Prompt.IsKnown) model.PromptOf(i > 0).Add(call.Prompt.IsOf(request), link: true);
            sign += ServiceModel.SignOf(call.Callee);
        }

        if (request.ReplyNs == long.MaxValue) return; // more calls may come
        if (request.Alone) NoteMost(model, calls);
        model.AddCalls(request.Class, sign);
        if (!request.Alone && request.ReplyPrompt.IsKnown) model.ReplyPrompt.Add(request.ReplyPrompt.IsOf(request), link: true);
        request.Taught = DelaysOf(model, request, calls, request.ReplyNs);
        (calls.Length == 0 ? model.ReplyAlone : model.ReplyAfter).Add(request.Taught);
    }

    /// <summary>What the call's thread says for the request, nats.</summary>
    public static double Thread(ServiceModel model, RequestNode request, CallNode call) =>
        call.Tid == 0 || request.Tid == 0 ? 0 : model.Thread.Log(call.Tid == request.Tid);

    /// <summary>What it says for the request that the call's thread was prompted by it or not, nats.</summary>
    public static double Prompted(ServiceModel model, RequestNode request, ReadOnlySpan<CallNode> before, CallNode call) =>
        model.IsPrompted && call.Prompt.IsKnown ? model.PromptOf(before.Length > 0).Log(call.Prompt.IsOf(request, before)) : 0;

    /// <summary>Log density of the reply's time.</summary>
    public static double Reply(ServiceModel model, RequestNode request, ReadOnlySpan<CallNode> calls)
    {
        if (request.ReplyNs == long.MaxValue) return 0;
        Delays delays = DelaysOf(model, request, calls, request.ReplyNs);
        return (calls.Length == 0 ? model.ReplyAlone : model.ReplyAfter).Log(delays, own: delays == request.Taught);
    }

    /// <summary>Log density of a call's time, given the calls before it.</summary>
    public static double Send(ServiceModel model, RequestNode request, ReadOnlySpan<CallNode> before, CallNode call)
    {
        Delays delays = DelaysOf(model, request, before, call.TimeNs);
        return model.SlotOf(call.Callee, IsLater(before, call.Callee)).Log(delays, own: call.Taught == (request, delays));
    }

    /// <summary>The call returned after the reply began: it was not waited for.</summary>
    public static bool IsLate(RequestNode request, CallNode call) => request.ReplyNs < (call.ReturnNs == long.MaxValue ? call.TimeNs : call.ReturnNs);

    /// <summary>How many of the calls, which are in the order of their times, were sent by then.</summary>
    public static int CountUntil(ReadOnlySpan<CallNode> calls, long timeNs)
    {
        int low = 0, high = calls.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (calls[middle].TimeNs <= timeNs) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    private static void NoteMost(ServiceModel model, ReadOnlySpan<CallNode> calls)
    {
        for (int i = 0; i < calls.Length; i++)
        {
            int same = 0;
            for (int j = Math.Max(i - LookBack, 0); j <= i; j++) same += calls[j].Callee == calls[i].Callee ? 1 : 0;
            model.NoteMost(calls[i].Callee, same);
        }
    }

    /// <summary>A call to the same callee is among the last ones before.</summary>
    public static bool IsLater(ReadOnlySpan<CallNode> before, int callee)
    {
        for (int i = before.Length - 1; i >= Math.Max(before.Length - LookBack, 0); i--)
        {
            if (before[i].Callee == callee) return true;
        }

        return false;
    }

    private static Delays DelaysOf(ServiceModel model, RequestNode request, ReadOnlySpan<CallNode> before, long timeNs)
    {
        long sent = -1, returned = -1;
        for (int i = before.Length - 1; i >= Math.Max(before.Length - LookBack, 0); i--)
        {
            sent = Math.Max(sent, before[i].TimeNs);
            if (before[i].ReturnNs <= timeNs) returned = Math.Max(returned, before[i].ReturnNs);
        }

        long tick = model.TickNs;
        return new Delays(Ticks(Math.Max(timeNs - request.ArrivalNs, 0), tick), sent < 0 ? -1 : Ticks(Math.Max(timeNs - sent, 0), tick), returned < 0 ? -1 : Ticks(timeNs - returned, tick));
    }

    // Divisions are slow, and most clocks tell single nanoseconds.
    private static long Ticks(long ns, long tick) => tick == 1 ? ns : ns / tick;
}
