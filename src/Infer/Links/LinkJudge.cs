using System.Runtime.InteropServices;

namespace VirtualServices.Infer.Links;

/// <summary>Says how sure each link of a window is: by how much every other explanation of the same calls is less likely, and what else speaks for or against it.</summary>
internal sealed class LinkJudge(ServiceModel model)
{
    private const double Most = 20;
    private readonly List<CallNode> _mine = [], _theirs = [];

    public void Judge(ProcessWindow window)
    {
        foreach (CallNode call in window.Calls)
        {
            if (call.Parent is not { } parent) continue;
            call.Features = FeaturesOf(window, call, parent);
            call.Confidence = ConfidenceModel.Of(in call.Features);
        }
    }

    private LinkFeatures FeaturesOf(ProcessWindow window, CallNode call, RequestNode parent)
    {
        ReadOnlySpan<CallNode> calls = CollectionsMarshal.AsSpan(parent.Calls);
        int position = parent.Calls.IndexOf(call);
        ReadOnlySpan<int> candidates = window.CandidatesOf(call);
        double own = Timeline.Score(model, parent, calls);
        double single = Most, any = Most;
        int ties = 0, overtakes = 0;
        foreach (int candidate in candidates)
        {
            RequestNode other = window.Requests[candidate];
            if (other == parent) continue;
            if (other.ArrivalNs / model.TickNs == parent.ArrivalNs / model.TickNs) ties++;
            if (other.ArrivalNs < parent.ArrivalNs && !Called(other, call)) overtakes++;
            double pair = own + Timeline.Score(model, other, CollectionsMarshal.AsSpan(other.Calls));
            double order = Order(parent, call, other);
            single = Math.Min(single, pair + order - Exchanged(parent, call, other, whole: false));
            if (parent.Calls.Count > 1 || other.Calls.Count > 1) any = Math.Min(any, pair + order - Exchanged(parent, call, other, whole: true));
        }

        DelaySlot slot = model.SlotOf(call.Callee, later: false);
        ulong sign = 0;
        foreach (CallNode each in calls) sign += ServiceModel.SignOf(each.Callee);
        return new LinkFeatures
        {
            Margin = (float)Math.Clamp(Math.Min(single, any), -5, Most),
            CallMargin = (float)Math.Clamp(single, -5, Most),
            Candidates = (float)Math.Log(candidates.Length),
            Surprise = (float)Math.Clamp(-Timeline.Send(model, parent, calls[..position], call) - slot.Sharpness, -5, Most),
            ReplySurprise = (float)Math.Clamp(-Timeline.Reply(model, parent, calls), 0, Most),
            Entropy = (float)Math.Min(slot.Sharpness, 8),
            Learnt = (float)Math.Log(1 + model.Requests),
            Calls = (float)Math.Max(model.LogCalls(parent.Class, sign), -12),
            Open = (float)Math.Log(1 + candidates.Length),
            Overtakes = (float)Math.Log(1 + overtakes),
            Thread = call.Tid == 0 || parent.Tid == 0 ? 0 : call.Tid == parent.Tid ? 1 : -1,
            Ties = (float)Math.Log(1 + ties),
        };
    }

    /// <summary>What the order of arrival says against an exchange with the other's call to the same callee; negative where it speaks for it.</summary>
    private double Order(RequestNode parent, CallNode call, RequestNode other)
    {
        double price = model.OrderOf(call.Callee);
        if (price <= 0) return 0;
        foreach (CallNode each in other.Calls)
        {
            if (each.Callee != call.Callee) continue;
            return CallOrder.IsOvertaken(model, parent, call, other, each) ? -price : CallOrder.IsOvertaken(model, parent, each, other, call) ? price : 0;
        }

        return 0;
    }

    /// <summary>The request has made a call to the same callee by then.</summary>
    private static bool Called(RequestNode request, CallNode call)
    {
        foreach (CallNode each in request.Calls)
        {
            if (each.Callee == call.Callee && each.TimeNs <= call.TimeNs) return true;
        }

        return false;
    }

    /// <summary>Score of both requests where the call changes places with the other's call to the same callee (or just moves), or all calls from it on with the other's.</summary>
    private double Exchanged(RequestNode parent, CallNode call, RequestNode other, bool whole)
    {
        _mine.Clear();
        _theirs.Clear();
        CallNode? instead = null;
        if (!whole)
        {
            foreach (CallNode each in other.Calls)
            {
                if (each.Callee == call.Callee && !each.Proven && !each.Final && (instead is null || Math.Abs(each.TimeNs - call.TimeNs) < Math.Abs(instead.TimeNs - call.TimeNs))) instead = each;
            }
        }

        foreach (CallNode each in parent.Calls) (Moves(each, call, call.TimeNs) ? _theirs : _mine).Add(each);
        foreach (CallNode each in other.Calls) ((whole ? Moves(each, call, call.TimeNs) : each == instead) ? _mine : _theirs).Add(each);
        if (!Fits(parent, _mine) || !Fits(other, _theirs)) return double.NegativeInfinity;
        Sort(_mine);
        Sort(_theirs);
        return Timeline.Score(model, parent, CollectionsMarshal.AsSpan(_mine)) + Timeline.Score(model, other, CollectionsMarshal.AsSpan(_theirs));

        bool Moves(CallNode each, CallNode from, long timeNs) => whole ? each.TimeNs >= timeNs && !each.Proven && !each.Final : each == from;
    }

    private static bool Fits(RequestNode request, List<CallNode> calls)
    {
        foreach (CallNode call in calls)
        {
            if (call.TimeNs < request.ArrivalNs || call.TimeNs > request.LastNs) return false;
        }

        return true;
    }

    private static void Sort(List<CallNode> calls)
    {
        for (int i = 1; i < calls.Count; i++)
        {
            CallNode call = calls[i];
            int at = i;
            for (; at > 0 && calls[at - 1].TimeNs > call.TimeNs; at--) calls[at] = calls[at - 1];
            calls[at] = call;
        }
    }
}
