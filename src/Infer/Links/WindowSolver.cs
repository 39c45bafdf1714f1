using System.Runtime.InteropServices;

namespace VirtualServices.Infer.Links;

/// <summary>
/// Finds the links of one service in one window: the most likely way to give each call to one request, all calls together. Each step takes one call (or all calls from a
/// position on) away from every request and gives them back by an exact one-to-one assignment; the service is learnt anew from the result, until nothing changes.
/// </summary>
internal sealed class WindowSolver(ServiceModel model, IReadOnlyList<ProcessWindow> windows)
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
    private readonly SparseAssignment _assignment = new();
    private readonly List<CallNode> _buffer = [];
    private readonly List<CallNode[]> _units = [];
    private readonly List<RequestNode?> _owners = [];
    private readonly double[] _nobody = new double[1];
    private List<CallNode?> _links = [], _linksNow = [];
    private double[] _without = [];
    private long _changes;

    /// <summary>Log density at which a call works for nobody.</summary>
    public double LogNobody => _nobody[0];

    public void Solve()
    {
        if (model.TickNs == 0) model.TickNs = Math.Max(windows.Aggregate(0L, (tick, window) => window.Tick(tick)), 1);
        EstimateNobody();
        model.Chains.Guess(windows);
        model.IsPrompted = model.Chains.IsPrompted;
        bool fresh = model.Requests == 0;
        if (fresh) Begin();
        foreach (ProcessWindow window in windows)
        {
            _narrowing.Narrow(window);
            FirstGuess(window);
        }

        Note(_links);
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
            Note(_linksNow);
            bool same = round > 0 && CollectionsMarshal.AsSpan(_links).SequenceEqual(CollectionsMarshal.AsSpan(_linksNow));
            (_links, _linksNow) = (_linksNow, _links);
            if (same) break;
        }

        Learn(order: true);
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
        _nobody[0] = Math.Log(NobodyShare * Math.Max(calls, 1) / ticks) + model.LogTimely;
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
                if (call.Parent is null && candidates.Length == 1 && window.Requests[candidates[0]].Alone) Insert(window.Requests[candidates[0]], call);
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
                foreach ((int callee, List<CallNode> calls) in window.ByCallee) CallOrder.Learn(model, callee, calls);
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

            if (best is not null) Insert(best, call);
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
        if (_without.Length < window.Requests.Count) _without = new double[Math.Max(window.Requests.Count, 2 * _without.Length)];
        int positions = 0;
        foreach (RequestNode request in window.Requests)
        {
            if (!request.Alone && request.Calls.Count <= MostCalls) positions = Math.Max(positions, request.Calls.Count);
        }

        for (int position = 0; position < Math.Min(positions, MostPositions); position++) Exchange(window, new Step(-1, position, Whole: true));
        foreach (int callee in window.ByCallee.Keys)
        {
            for (int k = 0; k < Math.Min(model.MostCalls(callee), MostPositions); k++) Exchange(window, new Step(callee, k, Whole: false));
        }
    }

    /// <summary>Takes away, and gives back by exact assignment.</summary>
    private void Exchange(ProcessWindow window, Step step)
    {
        _units.Clear();
        _owners.Clear();
        foreach (CallNode call in window.Calls) call.Before = call.Parent;
        foreach (RequestNode request in window.Requests)
        {
            if (request.Alone || request.Calls.Count == 0) continue;
            if (TakeAway(request, step) is not { } unit) continue;
            _units.Add(unit);
            _owners.Add(request);
        }

        if (!step.Whole)
        {
            foreach (CallNode call in window.Calls)
            {
                if (call.Parent is not null || call.Callee != step.Callee || call.Taken) continue;
                _units.Add([call]);
                _owners.Add(null);
            }
        }

        foreach (CallNode[] unit in _units)
        {
            foreach (CallNode call in unit) call.Taken = false;
        }

        if (_units.Count == 0) return;
        Array.Fill(_without, double.NaN, 0, window.Requests.Count);
        _assignment.Begin(window.Requests.Count);
        foreach (CallNode[] unit in _units)
        {
            _assignment.AddRow(Cost(unit.Length * LogNobody));
            foreach (int candidate in window.CandidatesOf(unit[0]))
            {
                RequestNode request = window.Requests[candidate];
                if (request.LastNs < unit[^1].TimeNs || request.Calls.Count > MostCalls + MostPositions) continue;
                double gain = Gain(request, unit);
                foreach (CallNode call in unit) gain -= CallOrder.Cost(model, window.ByCallee[call.Callee], call, request);
                _assignment.AddEdge(candidate, Cost(gain));
            }
        }

        _assignment.Solve();
        for (int i = 0; i < _units.Count; i++)
        {
            int column = _assignment.ColumnOf(i);
            RequestNode? to = column < 0 ? null : window.Requests[column];
            if (to != _owners[i]) _changes++;
            foreach (CallNode call in _units[i])
            {
                if (to is not null) Insert(to, call);
            }
        }
    }

    private static CallNode[]? TakeAway(RequestNode request, Step step)
    {
        if (request.Calls.Count > MostCalls && step.Whole) return null;
        int from = -1, count = 0;
        if (step.Whole)
        {
            if (request.Calls.Count <= step.Position) return null;
            for (int i = step.Position; i < request.Calls.Count; i++)
            {
                if (request.Calls[i].Proven || request.Calls[i].Final) return null;
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
                if (request.Calls[i].Proven || request.Calls[i].Final) return null;
                from = i;
                count = 1;
            }

            if (from < 0) return null;
        }

        CallNode[] unit = CollectionsMarshal.AsSpan(request.Calls).Slice(from, count).ToArray();
        request.Calls.RemoveRange(from, count);
        foreach (CallNode call in unit)
        {
            call.Parent = null;
            call.Taken = true;
        }

        return unit;
    }

    private double Gain(RequestNode request, CallNode[] unit)
    {
        double without = _without[request.Index];
        if (double.IsNaN(without)) _without[request.Index] = without = Timeline.Score(model, request, CollectionsMarshal.AsSpan(request.Calls));
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

    /// <summary>Gives a call to a request.</summary>
    internal static void Insert(RequestNode request, CallNode call)
    {
        List<CallNode> calls = request.Calls;
        int at = calls.Count == 0 || calls[^1].TimeNs <= call.TimeNs ? calls.Count : Timeline.CountUntil(CollectionsMarshal.AsSpan(calls), call.TimeNs);
        calls.Insert(at, call);
        call.Parent = request;
    }

    /// <param name="Callee">The callee, -1 for all.</param>
    /// <param name="Position">Which call to the callee within a request, or the position from which all are meant.</param>
    /// <param name="Whole">All calls from the position on.</param>
    private readonly record struct Step(int Callee, int Position, bool Whole);
}
