using System.Runtime.InteropServices;

namespace VirtualServices.Infer.Links;

/// <summary>Requests and calls of one process in one window, with the requests for which each call may work.</summary>
internal sealed class ProcessWindow
{
    /// <summary>Most requests that are looked at for a call; of more, the latest. Bounds the work where requests are never answered.</summary>
    private const int MostCandidates = 128;

    private readonly List<int> _active = [];
    private readonly List<List<CallNode>> _byCallee = [];
    private int[] _candidates = [];
    private Part[] _parts = [];

    public List<RequestNode> Requests { get; } = [];

    /// <summary>Calls whose link is to be found.</summary>
    public List<CallNode> Calls { get; } = [];

    /// <summary>Calls whose link is proven.</summary>
    public List<CallNode> Proven { get; } = [];

    /// <summary>Nothing is held.</summary>
    public bool IsEmpty => Requests.Count + Calls.Count + Proven.Count == 0;

    /// <summary>Mean number of requests that were open when a call was sent.</summary>
    public double MeanOpen { get; private set; }

    /// <summary>Calls by callee, each in the order of their times.</summary>
    public IReadOnlyList<List<CallNode>> ByCallee => _byCallee;

    /// <summary>Requests (by index) that were open when the call was sent and are looked at, earliest first.</summary>
    public ReadOnlySpan<int> CandidatesOf(CallNode call)
    {
        ref readonly Part part = ref _parts[call.Index];
        return _candidates.AsSpan(part.First, part.Looked);
    }

    /// <summary>Those that are looked at come first, the others after them.</summary>
    public Span<int> AllCandidatesOf(CallNode call)
    {
        ref readonly Part part = ref _parts[call.Index];
        return _candidates.AsSpan(part.First, part.Count);
    }

    /// <summary>Where the call's candidates begin among those of all calls.</summary>
    public int FirstCandidateOf(CallNode call) => _parts[call.Index].First;

    /// <summary>Candidates of all calls.</summary>
    public int AllCandidates { get; private set; }

    /// <summary>From now on only the first ones are looked at.</summary>
    public void Look(CallNode call, int count) => _parts[call.Index].Looked = count;

    /// <summary>Sorts, numbers, and finds candidates.</summary>
    public void Prepare()
    {
        Sort(Requests, static request => request.ArrivalNs);
        Sort(Calls, static call => call.TimeNs);
        Sort(Proven, static call => call.TimeNs);
        for (int i = 0; i < Requests.Count; i++) Requests[i].Index = i;
        for (int i = 0; i < Calls.Count; i++) Calls[i].Index = i;
        foreach (List<CallNode> calls in _byCallee) calls.Clear();
        foreach (CallNode call in Calls)
        {
            while (_byCallee.Count <= call.Callee) _byCallee.Add([]);
            List<CallNode> same = _byCallee[call.Callee];
            call.Rank = same.Count;
            same.Add(call);
        }

        FindAlone();
        _active.Clear();
        if (_parts.Length < Calls.Count) _parts = new Part[Math.Max(Calls.Count, 2 * _parts.Length)];
        int next = 0, proven = 0, candidates = 0;
        long open = 0;
        foreach (CallNode call in Calls)
        {
            for (; proven < Proven.Count && Proven[proven].TimeNs <= call.TimeNs; proven++) open += Advance(Proven[proven], ref next);
            open += Advance(call, ref next);
            ReadOnlySpan<int> latest = CollectionsMarshal.AsSpan(_active)[Math.Max(_active.Count - MostCandidates, 0)..];
            if (_candidates.Length < candidates + latest.Length) Array.Resize(ref _candidates, Math.Max(candidates + latest.Length, 2 * _candidates.Length));
            latest.CopyTo(_candidates.AsSpan(candidates));
            _parts[call.Index] = new Part { First = candidates, Count = latest.Length, Looked = latest.Length };
            candidates += latest.Length;
        }

        AllCandidates = candidates;
        for (; proven < Proven.Count; proven++) open += Advance(Proven[proven], ref next);
        MeanOpen = (double)open / Math.Max(Calls.Count + Proven.Count, 1);
    }

    /// <summary>Goes on to the time of the call, and counts the requests that are open then.</summary>
    private int Advance(CallNode call, ref int next)
    {
        long timeNs = call.TimeNs;
        while (next < Requests.Count && Requests[next].ArrivalNs <= timeNs) _active.Add(next++);
        int kept = 0;
        for (int i = 0; i < _active.Count; i++)
        {
            if (Requests[_active[i]].LastNs >= timeNs) _active[kept++] = _active[i];
        }

        if (kept < _active.Count) _active.RemoveRange(kept, _active.Count - kept);
        if (_active.Count > 4 * MostCandidates) _active.RemoveRange(0, _active.Count - MostCandidates);
        return call.Open = _active.Count;
    }

    /// <summary>Greatest length of which all times are multiples, ns.</summary>
    public long Tick(long tick)
    {
        foreach (RequestNode request in Requests)
        {
            tick = Divisor(tick, request.ArrivalNs);
            if (request.ReplyNs != long.MaxValue) tick = Divisor(tick, request.ReplyNs);
        }

        foreach (CallNode call in Calls) tick = Divisor(tick, call.TimeNs);
        return tick;
    }

    private static long Divisor(long a, long b)
    {
        while (b != 0) (a, b) = (b, a % b);
        return a;
    }

    private void FindAlone()
    {
        long last = long.MinValue;
        for (int i = 0; i < Requests.Count; i++)
        {
            RequestNode request = Requests[i];
            request.Alone = request.ArrivalNs > last && (i + 1 == Requests.Count || Requests[i + 1].ArrivalNs > request.LastNs) && request.LastNs != long.MaxValue;
            last = Math.Max(last, request.LastNs);
        }
    }

    private static void Sort<T>(List<T> list, Func<T, long> key)
    {
        // Stable, and nearly always in order already.
        for (int i = 1; i < list.Count; i++)
        {
            if (key(list[i]) >= key(list[i - 1])) continue;
            T[] sorted = [.. list.OrderBy(key)];
            list.Clear();
            list.AddRange(sorted);
            return;
        }
    }

    /// <summary>A call's part of the candidates.</summary>
    private struct Part
    {
        public int First, Count, Looked;
    }
}
