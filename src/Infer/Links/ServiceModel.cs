using System.Runtime.InteropServices;

namespace VirtualServices.Infer.Links;

/// <summary>What is learnt of one service: which calls its requests make, how many, and when.</summary>
internal sealed class ServiceModel
{
    /// <summary>Part of an older window's weight in the next: services change, and memory of a wrong start fades.</summary>
    private const double Fade = 0.5;

    /// <summary>A combination of calls that was never seen costs this much (log): more than any doubt about delays, less than proof.</summary>
    private const double UnseenCalls = -9;

    /// <summary>Before anything is known, most servers are believed to work in the order of arrival.</summary>
    private const double FirstOrder = 4;

    private const double MissedCalls = 0.5; // counts of a combination never seen

    private readonly List<DelaySlot> _slots = [];
    private readonly Dictionary<(int Class, ulong Calls), Count> _calls = [];
    private readonly Dictionary<int, Count> _classes = [];
    private readonly List<int> _mostCalls = [];
    private readonly List<OrderCount> _order = [];
    private readonly Odds _firstPrompt = new(), _laterPrompt = new();
    private readonly CallsLog[] _callsLogs = new CallsLog[16];
    private Count _late, _timely;
    private long _counted = 1;

    /// <summary>Length of a tick, ns: the resolution of the service's times; 0 before the first window.</summary>
    public long TickNs { get; set; }

    /// <summary>Requests from which something was learnt.</summary>
    public double Requests { get; private set; }

    /// <summary>The reply of a request that made no calls, and of one that made some.</summary>
    public DelaySlot ReplyAlone { get; } = new();

    public DelaySlot ReplyAfter { get; } = new();

    /// <summary>Log share of calls that come back after the reply, and of those that do not.</summary>
    public double LogLate { get; private set; }

    public double LogTimely { get; private set; }

    /// <summary>Whether the request's thread makes the call.</summary>
    public Odds Thread { get; } = new();

    /// <summary>Calls of all timelines that were scored so far: what the work is made of.</summary>
    public long Scored { get; set; }

    /// <summary>How far the service keeps to what prompts it.</summary>
    public PromptChains Chains { get; } = new();

    /// <summary>The service sends for what it received just before, see <see cref="PromptChains"/>. Where it does not, that is chance, and delays have said it already.</summary>
    public bool IsPrompted { get; set; }

    /// <summary>Whether what the replying thread received last was the request's.</summary>
    public Odds ReplyPrompt { get; } = new();

    /// <summary>Whether what the calling thread received last was the request's: for a request's first call, or a later one.</summary>
    public Odds PromptOf(bool later) => later ? _laterPrompt : _firstPrompt;

    /// <summary>The slot of a call: the first to this callee within a request, or a later one.</summary>
    public DelaySlot SlotOf(int callee, bool later)
    {
        int index = 2 * callee + (later ? 1 : 0);
        while (_slots.Count <= index) _slots.Add(new DelaySlot());
        return _slots[index];
    }

    /// <summary>What one more call to the callee adds to a request's combination of calls: sums are the same in any order.</summary>
    public static ulong SignOf(int callee)
    {
        ulong x = (ulong)(callee + 1) * 0x9E3779B97F4A7C15;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }

    /// <summary>Log probability that a request of this class makes this combination of calls.</summary>
    public double LogCalls(int @class, ulong calls)
    {
        ref CallsLog known = ref _callsLogs[(calls + (uint)@class) % (uint)_callsLogs.Length];
        if (known.Counted == _counted && known.Class == @class && known.Calls == calls) return known.Log;
        double all = _classes.TryGetValue(@class, out Count total) ? total.Now : 0;
        double seen = _calls.TryGetValue((@class, calls), out Count count) ? count.Now : 0;
        double log = seen > 0 ? Math.Log(seen / (all + MissedCalls)) : Math.Min(UnseenCalls, Math.Log(MissedCalls / (all + 1)));
        known = new CallsLog(_counted, @class, calls, log);
        return log;
    }

    /// <summary>What it costs, in nats, when a later request's call to this callee comes before an earlier one's: 0 where the service keeps no order beyond what delays tell.</summary>
    public double OrderOf(int callee) => MostCalls(callee) > 1 ? 0 : callee < _order.Count && _order[callee].IsLearnt ? _order[callee].Cost : FirstOrder;

    /// <summary>Pairs of requests, of which some were overtaken, and how many would have been by chance.</summary>
    public void AddOrder(int callee, double overtaken, double byChance)
    {
        while (_order.Count <= callee) _order.Add(default);
        System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_order)[callee].Add(overtaken, byChance);
    }

    /// <summary>Most calls to the callee that one request was seen to make, at least 1.</summary>
    public int MostCalls(int callee) => callee < _mostCalls.Count ? Math.Max(_mostCalls[callee], 1) : 1;

    public void NoteMost(int callee, int calls)
    {
        while (_mostCalls.Count <= callee) _mostCalls.Add(0);
        _mostCalls[callee] = Math.Max(_mostCalls[callee], calls);
    }

    public void AddCalls(int @class, ulong calls)
    {
        CollectionsMarshal.GetValueRefOrAddDefault(_classes, @class, out _).Now++;
        CollectionsMarshal.GetValueRefOrAddDefault(_calls, (@class, calls), out _).Now++;
        Requests++;
        _counted++;
    }

    public void AddLate(bool late)
    {
        if (late) _late.Now++;
        else _timely.Now++;
    }

    /// <summary>Forgets what this window taught: it is learnt anew.</summary>
    public void Reset()
    {
        ForEachSlot(static slot => slot.Reset());
        foreach (Odds odds in AllOdds) odds.Reset();
        ForEachCount(static (ref Count count) => count.Now = count.Kept);
        foreach (ref OrderCount order in CollectionsMarshal.AsSpan(_order)) order.Reset();
        _counted++;
        Requests = 0;
        foreach (Count count in _classes.Values) Requests += count.Now;
    }

    /// <summary>A window is over.</summary>
    public void Keep()
    {
        ForEachSlot(static slot => slot.Keep(Fade));
        foreach (Odds odds in AllOdds) odds.Keep(Fade);
        Chains.Keep(Fade);
        ForEachCount(static (ref Count count) => count.Kept = count.Now * Fade);
        _counted++;
        foreach ((int Class, ulong Calls) key in _calls.Where(c => c.Value.Kept < 0.01).Select(c => c.Key).ToArray()) _calls.Remove(key);
    }

    public void Estimate()
    {
        ForEachSlot(static slot => slot.Estimate());
        foreach (Odds odds in AllOdds) odds.Estimate();
        foreach (ref OrderCount order in CollectionsMarshal.AsSpan(_order)) order.Estimate();
        double late = (_late.Now + 0.01) / (_late.Now + _timely.Now + 10);
        LogLate = Math.Log(late);
        LogTimely = Math.Log(1 - late);
    }

    private Odds[] AllOdds => [Thread, ReplyPrompt, _firstPrompt, _laterPrompt];

    private delegate void CountAction(ref Count count);

    private void ForEachSlot(Action<DelaySlot> action)
    {
        action(ReplyAlone);
        action(ReplyAfter);
        foreach (DelaySlot slot in _slots) action(slot);
    }

    private void ForEachCount(CountAction action)
    {
        foreach (int key in _classes.Keys.ToArray()) action(ref CollectionsMarshal.GetValueRefOrNullRef(_classes, key));
        foreach (var key in _calls.Keys.ToArray()) action(ref CollectionsMarshal.GetValueRefOrNullRef(_calls, key));
        action(ref _late);
        action(ref _timely);
    }

    private struct OrderCount
    {
        private double _overtaken, _byChance, _pairs;

        public double Cost { get; private set; }

        public bool IsLearnt { get; private set; }

        public void Reset() => _overtaken = _byChance = _pairs = 0;

        public void Add(double overtaken, double byChance)
        {
            _overtaken += overtaken;
            _byChance += byChance;
            _pairs++;
        }

        public void Estimate()
        {
            if (_pairs == 0) return;
            IsLearnt = true;
            Cost = Math.Clamp(Math.Log((_byChance + 1) / (_overtaken + 0.25)), 0, 6);
        }
    }

    /// <summary>What was asked lately: most requests make one of a few combinations of calls.</summary>
    /// <param name="Counted">Number of the count that it is from.</param>
    /// <param name="Class">Class of the request.</param>
    /// <param name="Calls">Combination of its calls.</param>
    /// <param name="Log">The answer.</param>
    private readonly record struct CallsLog(long Counted, int Class, ulong Calls, double Log);

    private struct Count
    {
        public double Now, Kept;
    }
}
