using System.Runtime.InteropServices;

namespace VirtualServices.Infer.Links;

/// <summary>
/// Finds the links of one service in one window: the most likely way to give each call to one request, all calls together. Each step takes one call (or all calls from a
/// position on) away from every request and gives them back by an exact one-to-one assignment; the service is learnt anew from the result, until nothing changes.
/// </summary>
/// <param name="model">What is learnt of the service.</param>
/// <param name="windows">Its processes.</param>
/// <param name="storage">Room to work in.</param>
internal sealed class WindowSolver(ServiceModel model, IReadOnlyList<ProcessWindow> windows, SolverStorage storage)
{
    private const int MostRounds = 8;
    private const int MostPositions = 12;
    private const int EnoughAlone = 30;

    /// <summary>Requests before and after one that are looked at to see what is special about its reply.</summary>
    private const int Neighbours = 3;

    /// <summary>Requests with more calls are not exchanged as a whole: what precedes a call says enough.</summary>
    internal const int MostCalls = 32;

    /// <summary>Share of calls that work for nobody, before anything is known.</summary>
    private const double NobodyShare = 0.002;

    private const double Unit = 1024; // costs are whole 1/1024 nats
    private const double Dear = 1e6;

    /// <summary>So often the candidates to look at are chosen anew, by what was learnt meanwhile.</summary>
    private const int NarrowRounds = 3;

    private readonly Narrowing _narrowing = new(model);
    private readonly CallOrder _order = new(model, storage);
    private readonly List<CallNode> _buffer = [];
    private long _changes;

    /// <summary>Log density at which a call works for nobody.</summary>
    public double LogNobody { get; private set; }

    public void Solve()
    {
        if (model.TickNs == 0) model.TickNs = Math.Max(windows.Aggregate(0L, (tick, window) => window.Tick(tick)), 1);
        EstimateNobody();
        model.Chains.Guess(windows);
        model.IsPrompted = model.Chains.IsPrompted;
        if (!windows.Any(static window => window.Requests.Count > 0))
        {
            // A client only: nothing to link, and nothing to learn beyond what is known.
            model.Reset();
            model.Estimate();
            return;
        }

        bool fresh = model.Requests == 0;
        if (fresh) Begin();
        foreach (ProcessWindow window in windows)
        {
            _narrowing.Narrow(window);
            FirstGuess(window);
        }

        Note(storage.Links);
        for (int round = 0; round < MostRounds; round++)
        {
            Learn(order: !fresh || round > 0);
            _changes = 0;
            foreach (ProcessWindow window in windows)
            {
                if (round < NarrowRounds) _narrowing.Narrow(window);
                Improve(window);
            }

            if (_changes == 0) break;

            // What one step changed another one may have changed back. Each round follows from what it began with, so all others would do the same again. Not so the first one, which learns less.
            Note(storage.LinksNow);
            bool same = round > 0 && CollectionsMarshal.AsSpan(storage.Links).SequenceEqual(CollectionsMarshal.AsSpan(storage.LinksNow));
            (storage.Links, storage.LinksNow) = (storage.LinksNow, storage.Links);
            if (same) break;
        }

        Learn(order: true);
        storage.LetGo();
    }

    /// <summary>Notes which calls each request has.</summary>
    private void Note(List<CallNode?> links)
    {
        links.Clear();
        foreach (ProcessWindow window in windows)
        {
            foreach (RequestNode request in window.Requests)
            {
                links.AddRange(request.Calls);
                links.Add(null);
            }
        }
    }

    private void EstimateNobody()
    {
        long calls = 0, first = long.MaxValue, last = long.MinValue;
        foreach (ProcessWindow window in windows)
        {
            calls += window.Calls.Count;
            if (window.Calls.Count == 0) continue;
            first = Math.Min(first, window.Calls[0].TimeNs);
            last = Math.Max(last, window.Calls[^1].TimeNs);
        }

        double ticks = calls == 0 ? 1 : Math.Max((last - first) / model.TickNs, 1);
        LogNobody = Math.Log(NobodyShare * Math.Max(calls, 1) / ticks) + model.LogTimely;
    }

    /// <summary>Where most requests are alone in their process, theirs are the first lessons; under load, all delays to all open requests are.</summary>
    private void Begin()
    {
        model.Reset();
        int alone = 0;
        foreach (ProcessWindow window in windows)
        {
            foreach (CallNode call in window.Calls)
            {
                ReadOnlySpan<int> candidates = window.CandidatesOf(call);
                if (call.Parent is null && candidates.Length == 1 && window.Requests[candidates[0]].Alone) window.Requests[candidates[0]].Insert(call);
            }

            alone += window.Requests.Count(request => request.Alone);
            foreach (RequestNode request in window.Requests)
            {
                if (request.Alone || model.IsPrompted) Timeline.Learn(model, request);
            }
        }

        if (alone < EnoughAlone)
        {
            foreach (ProcessWindow window in windows)
            {
                foreach (CallNode call in window.Calls)
                {
                    ReadOnlySpan<int> candidates = window.CandidatesOf(call);
                    foreach (int candidate in candidates) model.SlotOf(call.Callee, later: false).AddArrival((call.TimeNs - window.Requests[candidate].ArrivalNs) / model.TickNs, 1.0 / candidates.Length);
                }
            }
        }

        model.Estimate();
    }

    /// <param name="order">Also how far the order of arrival is kept. Not in the first round: what a first guess disorders would be taken for the service's habit.</param>
    private void Learn(bool order)
    {
        model.Reset();
        foreach (ProcessWindow window in windows)
        {
            foreach (CallNode call in window.Calls) call.Taught = default;
            foreach (RequestNode request in window.Requests) Timeline.Learn(model, request);
            if (order)
            {
                for (int callee = 0; callee < window.ByCallee.Count; callee++) _order.Learn(callee, window.ByCallee[callee]);
            }

            LearnOthers(window);
        }

        model.Estimate();
    }

    /// <summary>What is seen of links that are none: else nobody knows what is special about true ones.</summary>
    private void LearnOthers(ProcessWindow window)
    {
        foreach (CallNode call in window.Calls)
        {
            foreach (int candidate in window.CandidatesOf(call))
            {
                RequestNode other = window.Requests[candidate];
                if (other == call.Parent) continue;
                if (other.Tid != 0 && call.Tid != 0) model.Thread.Add(other.Tid == call.Tid, link: false);
                if (call.Prompt.IsKnown) model.PromptOf(call.Prompt.Call is not null).Add(call.Prompt.IsOf(other), link: false);
            }
        }

        for (int i = 0; i < window.Requests.Count; i++)
        {
            RequestNode request = window.Requests[i];
            if (request.Alone || !request.ReplyPrompt.IsKnown) continue;
            for (int j = Math.Max(i - Neighbours, 0); j < Math.Min(i + Neighbours + 1, window.Requests.Count); j++)
            {
                RequestNode other = window.Requests[j];
                if (j != i && other.ArrivalNs <= request.ReplyNs && other.LastNs >= request.ReplyNs) model.ReplyPrompt.Add(request.ReplyPrompt.IsOf(other), link: false);
            }
        }
    }

    /// <summary>In the order of time, each call goes to the request to which it fits best so far.</summary>
    private void FirstGuess(ProcessWindow window)
    {
        foreach (CallNode call in window.Calls)
        {
            if (call.Parent is not null) continue;
            RequestNode? best = null;
            double most = double.NegativeInfinity;
            foreach (int candidate in window.CandidatesOf(call))
            {
                RequestNode request = window.Requests[candidate];
                double score = Timeline.Send(model, request, CollectionsMarshal.AsSpan(request.Calls), call) + Room(request, call);
                score += Timeline.Thread(model, request, call) + Timeline.Prompted(model, request, CollectionsMarshal.AsSpan(request.Calls), call);
                if (Timeline.IsLate(request, call)) score += model.LogLate;
                if (best is not null && !Timeline.IsLater(CollectionsMarshal.AsSpan(best.Calls), call.Callee) && !Timeline.IsLater(CollectionsMarshal.AsSpan(request.Calls), call.Callee)) score -= model.OrderOf(call.Callee); // an earlier one still waits
                if (score <= most) continue;
                most = score;
                best = request;
            }

            if (best is not null) best.Insert(call);
        }
    }

    /// <summary>A request that already has as many calls to this callee as any was seen to make is full.</summary>
    private double Room(RequestNode request, CallNode call)
    {
        if (model.Requests < EnoughAlone) return 0;
        int same = 0;
        for (int i = request.Calls.Count - 1; i >= Math.Max(request.Calls.Count - Timeline.LookBack, 0); i--) same += request.Calls[i].Callee == call.Callee ? 1 : 0;
        return same < model.MostCalls(call.Callee) ? 0 : -12;
    }

    private void Improve(ProcessWindow window)
    {
        storage.MakeRoom(window.Requests.Count, window.Calls.Count);
        storage.Shared.Clear();
        int positions = 0;
        foreach (RequestNode request in window.Requests)
        {
            if (request.Alone) continue;
            storage.Shared.Add(request);
            if (request.Calls.Count <= MostCalls) positions = Math.Max(positions, request.Calls.Count);
        }

        Array.Fill(storage.MakeGains(window.AllCandidates), double.NaN, 0, window.AllCandidates);
        for (int position = 0; position < Math.Min(positions, MostPositions); position++) Exchange(window, new Step(-1, position, Whole: true));
        for (int callee = 0; callee < window.ByCallee.Count; callee++)
        {
            if (window.ByCallee[callee].Count == 0) continue;
            for (int k = 0; k < Math.Min(model.MostCalls(callee), MostPositions); k++) Exchange(window, new Step(callee, k, Whole: false));
        }
    }

    /// <summary>Takes away, and gives back by exact assignment.</summary>
    private void Exchange(ProcessWindow window, Step step)
    {
        storage.Taken.Clear();
        storage.Units.Clear();
        foreach (RequestNode request in storage.Shared)
        {
            if (request.Calls.Count > 0) TakeAway(request, step);
        }

        if (!step.Whole)
        {
            // Calls that are nobody's, where a request comes into question.
            foreach (CallNode call in window.ByCallee[step.Callee])
            {
                if (call.Parent is not null || call.Before is not null || window.CandidatesOf(call).IsEmpty) continue;
                storage.Units.Add(new Unit(storage.Taken.Count, 1, null));
                storage.Taken.Add(call);
            }
        }

        if (storage.Units.Count == 0) return;
        SparseAssignment assignment = storage.Assignment;
        Array.Fill(storage.Without, double.NaN, 0, window.Requests.Count);
        assignment.Begin(window.Requests.Count);
        _order.Note(window, step.Callee);
        foreach (Unit unit in storage.Units)
        {
            ReadOnlySpan<CallNode> calls = CallsOf(unit);
            assignment.AddRow(Cost(calls.Length * LogNobody));
            ReadOnlySpan<int> candidates = window.CandidatesOf(calls[0]);
            Span<double> gains = storage.Gains.AsSpan(window.FirstCandidateOf(calls[0]), candidates.Length);
            for (int i = 0; i < candidates.Length; i++)
            {
                int candidate = candidates[i];
                RequestNode request = window.Requests[candidate];
                if (request.LastNs < calls[^1].TimeNs || request.Calls.Count > MostCalls + MostPositions) continue;
                double gain = calls.Length == 1 && request.Calls.Count == 0 ? GainAlone(request, calls, ref gains[i]) : Gain(request, calls);
                foreach (CallNode call in calls) gain -= _order.Cost(call, request);
                assignment.AddEdge(candidate, Cost(gain));
            }
        }

        assignment.Solve();
        for (int i = 0; i < storage.Units.Count; i++)
        {
            Unit unit = storage.Units[i];
            int column = assignment.ColumnOf(i);
            RequestNode? to = column < 0 ? null : window.Requests[column];
            if (to != unit.Owner) _changes++;
            foreach (CallNode call in CallsOf(unit))
            {
                call.Before = null;
                if (to is not null) to.Insert(call);
            }
        }
    }

    private ReadOnlySpan<CallNode> CallsOf(Unit unit) => CollectionsMarshal.AsSpan(storage.Taken).Slice(unit.First, unit.Count);

    private void TakeAway(RequestNode request, Step step)
    {
        if (request.Calls.Count > MostCalls && step.Whole) return;
        int from = -1, count = 0;
        if (step.Whole)
        {
            if (request.Calls.Count <= step.Position) return;
            for (int i = step.Position; i < request.Calls.Count; i++)
            {
                if (request.Calls[i].Proven || request.Calls[i].Final) return;
            }

            from = step.Position;
            count = request.Calls.Count - from;
        }
        else
        {
            int number = 0;
            for (int i = 0; i < request.Calls.Count && from < 0; i++)
            {
                if (request.Calls[i].Callee != step.Callee || number++ != step.Position) continue;
                if (request.Calls[i].Proven || request.Calls[i].Final) return;
                from = i;
                count = 1;
            }

            if (from < 0) return;
        }

        storage.Units.Add(new Unit(storage.Taken.Count, count, request));
        storage.Taken.AddRange(CollectionsMarshal.AsSpan(request.Calls).Slice(from, count));
        request.Calls.RemoveRange(from, count);
        foreach (CallNode call in CallsOf(storage.Units[^1]))
        {
            call.Parent = null;
            call.Before = request;
        }
    }

    /// <summary>Gain of a call that would be its request's only one: the same in each step of a round.</summary>
    private double GainAlone(RequestNode request, ReadOnlySpan<CallNode> unit, ref double known)
    {
        if (double.IsNaN(known)) known = Gain(request, unit);
        return known;
    }

    private double Gain(RequestNode request, ReadOnlySpan<CallNode> unit)
    {
        ref double without = ref storage.Without[request.Index];
        if (double.IsNaN(without)) without = Timeline.Score(model, request, CollectionsMarshal.AsSpan(request.Calls));
        _buffer.Clear();
        int next = 0;
        foreach (CallNode call in request.Calls)
        {
            while (next < unit.Length && unit[next].TimeNs < call.TimeNs) _buffer.Add(unit[next++]);
            _buffer.Add(call);
        }

        while (next < unit.Length) _buffer.Add(unit[next++]);
        return Timeline.Score(model, request, CollectionsMarshal.AsSpan(_buffer)) - without;
    }

    private static long Cost(double gain) => (long)Math.Round(Math.Clamp(-gain, -Dear, Dear) * Unit);

    /// <param name="Callee">The callee, -1 for all.</param>
    /// <param name="Position">Which call to the callee within a request, or the position from which all are meant.</param>
    /// <param name="Whole">All calls from the position on.</param>
    private readonly record struct Step(int Callee, int Position, bool Whole);
}
