using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace VirtualServices.Infer.Links;

/// <summary>Says how sure each link of a window is: by how much every other explanation of the same calls is less likely, and what else speaks for or against it.</summary>
/// <param name="trees">The confidence model.</param>
/// <param name="model">What was learnt of the service.</param>
/// <param name="handedOver">Share of the service's calls whose thread had no open request.</param>
/// <param name="logNobody">Log density at which a call works for nobody.</param>
/// <param name="storage">Room to work in.</param>
/// <param name="keep">Calls keep what speaks for their links, for training.</param>
internal sealed class LinkJudge(BoostedTrees trees, ServiceModel model, double handedOver, double logNobody, SolverStorage storage, bool keep = false)
{
    private const double Most = 20;

    /// <summary>Fewer requests than this teach nothing about a service: what was never proven is left open, however alone it stands.</summary>
    private const int LeastRequests = 5;

    /// <summary>Explanations that are less likely by no more than this count as rivals, nats.</summary>
    private const double Near = 4;

    /// <summary>Of a request with more calls than <see cref="WindowSolver.MostCalls"/>, so many before a call and from it on are looked at: all of them for each of them would be their square.</summary>
    private const int Around = Timeline.LookBack;

    /// <summary>Proven links of which the same is known are judged once, up to so many.</summary>
    private const int MostJudged = 4096;

    private readonly double _chains = model.Chains.Share, _foreign = Math.Min(model.Chains.Foreign, 2), _learnt = Math.Log(1 + model.Requests);
    private readonly Dictionary<Known, double> _judged = [];
    private readonly List<CallNode> _mine = [], _theirs = [];

    public void Judge(ProcessWindow window)
    {
        if (window.Calls.Count + window.Proven.Count == 0) return;
        storage.MakeRoom(window.Requests.Count, window.Calls.Count);
        Array.Fill(storage.Own, double.NaN, 0, window.Requests.Count);
        foreach (RequestNode request in window.Requests) Number(request);
        double load = Math.Log(1 + window.MeanOpen);
        int unexplained = 0;
        foreach (CallNode call in window.Calls)
        {
            if (call.Parent is { } parent) Compare(window, call, parent, ref storage.Features[call.Index]);
            else unexplained++;
        }

        double share = window.Calls.Count == 0 ? 0 : (double)unexplained / window.Calls.Count;
        foreach (List<CallNode> calls in window.ByCallee)
        {
            double sum = 0;
            foreach (CallNode call in calls)
            {
                if (call.Parent is not null) sum += storage.Features[call.Index].Get(Feature.Margin);
            }

            foreach (CallNode call in calls)
            {
                if (call.Parent is not null) storage.Features[call.Index].Set(Feature.UsualMargin, sum / calls.Count);
            }
        }

        foreach (List<CallNode> calls in window.ByCallee) Finish(calls, load, share);
        foreach (CallNode call in window.Proven) Finish(call, load, share);
    }

    /// <summary>Judges a proven call of a process of which nothing else is known.</summary>
    public static void JudgeProven(BoostedTrees trees, CallNode call, int open)
    {
        if (call.Proof == LinkProof.Told)
        {
            call.Confidence = call.Parent is null ? 0 : Output.Confidence.Told;
            return;
        }

        LinkFeatures features = default;
        features.Set(Feature.Proof, (double)call.Proof);
        features.Set(Feature.Candidates, Math.Log(1 + open));
        call.Confidence = trees.Confidence(in features);
    }

    /// <summary>Tells the request's calls their positions, and keeps what they sum up to.</summary>
    private void Number(RequestNode request)
    {
        ulong sign = 0;
        for (int i = 0; i < request.Calls.Count; i++)
        {
            request.Calls[i].Position = i;
            sign += ServiceModel.SignOf(request.Calls[i].Callee);
        }

        storage.Signs[request.Index] = sign;
    }

    /// <summary>Judges calls to one callee that are not proven. What is the same of all of them the trees need to be asked once only.</summary>
    private void Finish(List<CallNode> calls, double load, double unexplained)
    {
        const int Many = 256;
        _mine.Clear();
        foreach (CallNode call in calls)
        {
            call.Confidence = 0;
            if (call.Parent is not { } parent || (call.Prover is null && model.Requests < LeastRequests)) continue;
            Complete(ref storage.Features[call.Index], new Known(call.Proof, call.Open, parent.Forgotten + call.Position, Timeline.IsLate(parent, call), load, unexplained), call);
            _mine.Add(call);
        }

        BoostedTrees asked = _mine.Count < Many ? trees : trees.Given(in storage.Features[_mine[0].Index], Alike(_mine));
        foreach (CallNode call in _mine) call.Confidence = asked.Confidence(in storage.Features[call.Index]);
    }

    /// <summary>Features that are the same of all of these calls, one bit each.</summary>
    private uint Alike(List<CallNode> calls)
    {
        uint alike = (1u << LinkFeatures.Count) - 1;
        ReadOnlySpan<float> first = storage.Features[calls[0].Index];
        foreach (CallNode call in calls)
        {
            ReadOnlySpan<float> features = storage.Features[call.Index];
            for (int i = 0; i < LinkFeatures.Count; i++)
            {
                if (features[i] != first[i]) alike &= ~(1u << i);
            }
        }

        return alike;
    }

    /// <summary>Judges a proven call.</summary>
    private void Finish(CallNode call, double load, double unexplained)
    {
        if (call.Proof == LinkProof.Told)
        {
            call.Confidence = call.Parent is null ? 0 : Output.Confidence.Told;
            return;
        }

        if (call.Parent is not { } parent)
        {
            call.Confidence = 0;
            return;
        }

        var known = new Known(call.Proof, call.Open, parent.Forgotten + call.Position, Timeline.IsLate(parent, call), load, unexplained);
        if (_judged.TryGetValue(known, out double confidence) && !keep)
        {
            call.Confidence = confidence;
            return;
        }

        LinkFeatures features = default;
        features.Set(Feature.Candidates, Math.Log(1 + call.Open));
        Complete(ref features, in known, call);
        call.Confidence = trees.Confidence(in features);
        if (_judged.Count < MostJudged) _judged.TryAdd(known, call.Confidence);
    }

    private void Complete(ref LinkFeatures features, in Known known, CallNode call)
    {
        features.Set(Feature.Proof, (double)known.Proof);
        features.Set(Feature.HandedOver, handedOver);
        features.Set(Feature.Chains, _chains);
        features.Set(Feature.Foreign, _foreign);
        features.Set(Feature.Learnt, _learnt);
        features.Set(Feature.Load, known.Load);
        features.Set(Feature.Unexplained, known.Unexplained);
        features.Set(Feature.Position, Math.Log(1 + known.Position));
        features.Set(Feature.Late, known.Late ? 1 : 0);
        if (keep) call.Features = new StrongBox<LinkFeatures>(features);
    }

    private void Compare(ProcessWindow window, CallNode call, RequestNode parent, ref LinkFeatures features)
    {
        features = default;
        ReadOnlySpan<CallNode> calls = CollectionsMarshal.AsSpan(parent.Calls);
        ReadOnlySpan<CallNode> near = NearOf(parent, call.Position), before = calls[..call.Position];
        ReadOnlySpan<int> candidates = window.CandidatesOf(call);
        double own = OwnScore(parent, near);
        double single = Most, any = Most;
        int ties = 0, overtakes = 0, rivals = 0;
        foreach (int candidate in candidates)
        {
            RequestNode other = window.Requests[candidate];
            if (other == parent) continue;
            if (other.ArrivalNs / model.TickNs == parent.ArrivalNs / model.TickNs) ties++;
            if (other.ArrivalNs < parent.ArrivalNs && !Timeline.IsLater(other.CallsUntil(call.TimeNs), call.Callee)) overtakes++;
            ReadOnlySpan<CallNode> theirs = NearOf(other, other.CallsUntil(call.TimeNs).Length);
            double pair = own + OwnScore(other, theirs);
            double order = Order(parent, call, other, theirs);
            double one = pair + order - Exchanged(parent, near, call, other, theirs, whole: false);
            bool several = parent.Calls.Count > 1 || other.Calls.Count > 1, few = Math.Max(parent.Calls.Count, other.Calls.Count) <= WindowSolver.MostCalls;
            double whole = several && few ? pair + order - Exchanged(parent, near, call, other, theirs, whole: true) : one;
            single = Math.Min(single, one);
            any = Math.Min(any, whole);
            if (Math.Min(one, whole) < Near) rivals++;
        }

        _mine.Clear();
        foreach (CallNode each in near)
        {
            if (each != call) _mine.Add(each);
        }

        double nobody = own - Timeline.Score(model, parent, CollectionsMarshal.AsSpan(_mine)) - logNobody;
        DelaySlot slot = model.SlotOf(call.Callee, later: false);
        features.Set(Feature.Margin, Math.Clamp(Math.Min(single, any), -5, Most));
        features.Set(Feature.CallMargin, Math.Clamp(single, -5, Most));
        features.Set(Feature.NobodyMargin, Math.Clamp(nobody, -5, Most));
        features.Set(Feature.Candidates, Math.Log(1 + call.Open));
        features.Set(Feature.Rivals, Math.Log(1 + rivals));
        features.Set(Feature.Surprise, Math.Clamp(-Timeline.Send(model, parent, before, call) - slot.Sharpness, -5, Most));
        features.Set(Feature.ReplySurprise, Math.Clamp(-Timeline.Reply(model, parent, calls), 0, Most));
        features.Set(Feature.Entropy, Math.Min(slot.Sharpness, 8));
        features.Set(Feature.Calls, Math.Max(model.LogCalls(parent.Class, storage.Signs[parent.Index]), -12));
        features.Set(Feature.Overtakes, Math.Log(1 + overtakes));
        features.Set(Feature.Order, model.OrderOf(call.Callee));
        features.Set(Feature.Thread, Math.Clamp(Timeline.Thread(model, parent, call), -8, 8));
        features.Set(Feature.Prompt, Timeline.Prompted(model, parent, before, call));
        features.Set(Feature.Ties, Math.Log(1 + ties));
    }

    /// <summary>Calls of a request that are looked at to judge one at this position.</summary>
    private static ReadOnlySpan<CallNode> NearOf(RequestNode request, int position)
    {
        ReadOnlySpan<CallNode> calls = CollectionsMarshal.AsSpan(request.Calls);
        return calls.Length <= WindowSolver.MostCalls ? calls : calls[Math.Max(position - Around, 0)..Math.Min(position + Around, calls.Length)];
    }

    /// <summary>Score of a request as it stands, as far as it is looked at.</summary>
    private double OwnScore(RequestNode request, ReadOnlySpan<CallNode> near)
    {
        if (near.Length < request.Calls.Count) return Timeline.Score(model, request, near);
        ref double own = ref storage.Own[request.Index];
        if (double.IsNaN(own)) own = Timeline.Score(model, request, near);
        return own;
    }

    /// <summary>What the order of arrival says against an exchange with the other's call to the same callee; negative where it speaks for it.</summary>
    private double Order(RequestNode parent, CallNode call, RequestNode other, ReadOnlySpan<CallNode> theirs)
    {
        double price = model.OrderOf(call.Callee);
        if (price <= 0) return 0;
        foreach (CallNode each in theirs)
        {
            if (each.Callee != call.Callee) continue;
            return CallOrder.IsOvertaken(model, parent, call, other, each) ? -price : CallOrder.IsOvertaken(model, parent, each, other, call) ? price : 0;
        }

        return 0;
    }

    /// <summary>Score of both requests where the call changes places with the other's call to the same callee (or just moves), or all calls from it on with the other's.</summary>
    private double Exchanged(RequestNode parent, ReadOnlySpan<CallNode> near, CallNode call, RequestNode other, ReadOnlySpan<CallNode> theirs, bool whole)
    {
        _mine.Clear();
        _theirs.Clear();
        CallNode? instead = null;
        if (!whole)
        {
            foreach (CallNode each in theirs)
            {
                if (each.Callee == call.Callee && !each.Proven && !each.Final && (instead is null || Math.Abs(each.TimeNs - call.TimeNs) < Math.Abs(instead.TimeNs - call.TimeNs))) instead = each;
            }
        }

        foreach (CallNode each in near) (Moves(each, call, call.TimeNs) ? _theirs : _mine).Add(each);
        foreach (CallNode each in theirs) ((whole ? Moves(each, call, call.TimeNs) : each == instead) ? _mine : _theirs).Add(each);
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

    /// <summary>What is known of a proven link. All else is the same for all that are judged together.</summary>
    private readonly record struct Known(LinkProof Proof, int Open, int Position, bool Late, double Load, double Unexplained);
}
