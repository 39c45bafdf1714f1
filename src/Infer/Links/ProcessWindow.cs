using System.Runtime.InteropServices;

namespace VirtualServices.Infer.Links;

/// <summary>Requests and calls of one process in one window, with the requests for which each call may work.</summary>
internal sealed class ProcessWindow
{
    /// <summary>Most requests that are looked at for a call; of more, the latest. Bounds the work where requests are never answered.</summary>
    private const int MostCandidates = 128;

    private readonly List<int> _candidates = [];
    private readonly List<int> _first = [];
    private readonly List<int> _active = [];
    private readonly List<int> _looked = [];

    public List<RequestNode> Requests { get; } = [];

    /// <summary>Calls whose link is to be found.</summary>
    public List<CallNode> Calls { get; } = [];

    /// <summary>Calls whose link is proven.</summary>
    public List<CallNode> Proven { get; } = [];

    /// <summary>Nothing is held.</summary>
    public bool IsEmpty => Requests.Count + Calls.Count + Proven.Count == 0;

    /// <summary>Mean number of requests that were open when a call was sent.</summary>
    public double MeanOpen { get; private set; }

    /// <summary>Calls by callee, in the order of their times.</summary>
    public SortedDictionary<int, List<CallNode>> ByCallee { get; } = [];

    /// <summary>Requests (by index) that were open when the call was sent and are looked at, earliest first.</summary>
    public ReadOnlySpan<int> CandidatesOf(CallNode call) => AllCandidatesOf(call)[.._looked[call.Index]];

    /// <summary>Those that are looked at come first, the others after them.</summary>
    public Span<int> AllCandidatesOf(CallNode call) => CollectionsMarshal.AsSpan(_candidates)[_first[call.Index].._first[call.Index + 1]];

    /// <summary>From now on only the first ones are looked at.</summary>
    public void Look(CallNode call, int count) => _looked[call.Index] = count;

    /// <summary>Sorts, numbers, and finds candidates.</summary>
    public void Prepare()
    {
        Sort(Requests, static request => request.ArrivalNs);
        Sort(Calls, static call => call.TimeNs);
        Sort(Proven, static call => call.TimeNs);
        for (int i = 0; i < Requests.Count; i++) Requests[i].Index = i;
        for (int i = 0; i < Calls.Count; i++) Calls[i].Index = i;
        ByCallee.Clear();
        foreach (CallNode call in Calls)
        {
            if (!ByCallee.TryGetValue(call.Callee, out List<CallNode>? same)) ByCallee.Add(call.Callee, same = []);
            call.Rank = same.Count;
            same.Add(call);
        }

        FindAlone();
        _candidates.Clear();
        _first.Clear();
        _looked.Clear();
        _active.Clear();
        int next = 0, proven = 0;
        long open = 0;
        foreach (CallNode call in Calls)
        {
            for (; proven < Proven.Count && Proven[proven].TimeNs <= call.TimeNs; proven++) open += Advance(Proven[proven], ref next);
            open += Advance(call, ref next);
            _first.Add(_candidates.Count);
            for (int i = Math.Max(_active.Count - MostCandidates, 0); i < _active.Count; i++) _candidates.Add(_active[i]);
            _looked.Add(_candidates.Count - _first[^1]);
        }

        for (; proven < Proven.Count; proven++) open += Advance(Proven[proven], ref next);
        _first.Add(_candidates.Count);
        MeanOpen = (double)open / Math.Max(Calls.Count + Proven.Count, 1);
    }

    /// <summary>Goes on to the time of the call, and counts the requests that are open then.</summary>
    private int Advance(CallNode call, ref int next)
    {
        while (next < Requests.Count && Requests[next].ArrivalNs <= call.TimeNs) _active.Add(next++);
        int kept = 0;
        for (int i = 0; i < _active.Count; i++)
        {
            if (Requests[_active[i]].LastNs >= call.TimeNs) _active[kept++] = _active[i];
        }

        _active.RemoveRange(kept, _active.Count - kept);
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
}
