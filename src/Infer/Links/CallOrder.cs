namespace VirtualServices.Infer.Links;

/// <summary>Servers that take work from queues serve in the order of arrival more often than delays alone would have it. How much more is learnt, and an exchange of two requests that would overtake costs that.</summary>
internal static class CallOrder
{
    /// <summary>Calls before and after that are looked at.</summary>
    private const int Reach = 16;

    private const int MostOvertaken = 4;

    /// <summary>Cost of giving the call to the request, as the other calls to the callee stood before the present step. Each overtaking is seen from both of its calls, so each counts half.</summary>
    public static double Cost(ServiceModel model, List<CallNode> calls, CallNode call, RequestNode request)
    {
        double price = model.OrderOf(call.Callee);
        if (price <= 0) return 0;
        long tick = model.TickNs, since = tick == 1 ? request.ArrivalNs : request.ArrivalNs / tick * tick; // when the tick of its arrival began: others are compared without a division each
        int overtaken = 0;
        for (int i = call.Rank + 1; i < Math.Min(call.Rank + Reach, calls.Count); i++)
        {
            if (Requester(calls[i], call, request) is { } other && other.ArrivalNs < since) overtaken++;
        }

        for (int i = call.Rank - 1; i > Math.Max(call.Rank - Reach, -1); i--)
        {
            if (Requester(calls[i], call, request) is { } other && other.ArrivalNs - since >= tick) overtaken++;
        }

        return 0.5 * price * Math.Min(overtaken, MostOvertaken);
    }

    /// <summary>Whose a call is when another one goes to the request: what the request had goes where that one comes from. Else two that are to change places would not see each other.</summary>
    private static RequestNode? Requester(CallNode each, CallNode call, RequestNode request) => each.Before == request ? call.Before : each.Before;

    /// <summary>True where one of two requests got its call first although it came later.</summary>
    public static bool IsOvertaken(ServiceModel model, RequestNode one, CallNode first, RequestNode two, CallNode second)
    {
        int arrival = (one.ArrivalNs / model.TickNs).CompareTo(two.ArrivalNs / model.TickNs);
        return arrival != 0 && arrival == -(first.TimeNs / model.TickNs).CompareTo(second.TimeNs / model.TickNs);
    }

    /// <summary>Counts overtaken requests among neighbours that were open together, and how many there would be if each delay had been another request's.</summary>
    public static void Learn(ServiceModel model, int callee, List<CallNode> calls)
    {
        if (model.MostCalls(callee) > 1) return;
        List<(long ArrivalNs, int Number)> linked = new(calls.Count);
        for (int i = 0; i < calls.Count; i++)
        {
            if (calls[i].Parent is { } parent) linked.Add((parent.ArrivalNs, i));
        }

        linked.Sort();
        List<(long Apart, long First, long Second)> pairs = new(linked.Count);
        for (int i = 1; i < linked.Count; i++)
        {
            CallNode first = calls[linked[i - 1].Number], second = calls[linked[i].Number];
            RequestNode one = first.Parent!, two = second.Parent!;
            long apart = two.ArrivalNs / model.TickNs - one.ArrivalNs / model.TickNs;
            if (two.ArrivalNs > one.LastNs || apart == 0) continue;
            pairs.Add((apart, (first.TimeNs - one.ArrivalNs) / model.TickNs, (second.TimeNs - two.ArrivalNs) / model.TickNs));
        }

        ReadOnlySpan<int> shifts = [1, 5, 11, 23];
        for (int i = 0; i < pairs.Count; i++)
        {
            double byChance = 0;
            foreach (int shift in shifts)
            {
                // The first request's delay, and that of another pair's second one.
                if (pairs[i].First > pairs[(i + shift) % pairs.Count].Second + pairs[i].Apart) byChance += 1.0 / shifts.Length;
            }

            model.AddOrder(callee, pairs[i].First > pairs[i].Second + pairs[i].Apart ? 1 : 0, byChance);
        }
    }
}
