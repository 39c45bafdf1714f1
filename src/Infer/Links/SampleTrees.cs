using VirtualServices.Infer.Turns;

namespace VirtualServices.Infer.Links;

/// <summary>
/// Chooses a request for each service at which requests enter, to be shown with all that was done for it: the one that went through most services. Looked at are requests all over the session, at
/// equal distances that grow with it, so that memory does not.
/// </summary>
internal sealed class SampleTrees
{
    /// <summary>Requests of a service that wait to be looked at.</summary>
    private const int MostWaiting = 64;

    /// <summary>Services that get a sample.</summary>
    private const int MostServices = 64;

    /// <summary>Steps of a sample that are kept; of more, the first ones.</summary>
    internal const int MostSteps = 48;

    private readonly SortedDictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <summary>What was chosen, by service.</summary>
    public IEnumerable<SampleTree> Chosen => _entries.Values.Where(entry => entry.Best is not null).Select(entry => entry.Best!);

    /// <summary>A request that no recorded request caused is told.</summary>
    /// <param name="request">The request.</param>
    /// <param name="caller">The call at the other end, where that was read.</param>
    public void Offer(RequestNode request, CallNode? caller)
    {
        if (request.Service is not { } service) return;
        if (!_entries.TryGetValue(service, out Entry? entry))
        {
            if (_entries.Count >= MostServices) return;
            _entries.Add(service, entry = new Entry());
        }

        if (entry.Seen++ % entry.Distance != 0) return;
        entry.Waiting.Add((request, caller));
        if (entry.Waiting.Count < MostWaiting) return;
        entry.Distance *= 2;
        int kept = 0;
        for (int i = 0; i < entry.Waiting.Count; i += 2) entry.Waiting[kept++] = entry.Waiting[i];
        entry.Waiting.RemoveRange(kept, entry.Waiting.Count - kept);
    }

    /// <summary>Links were worked out: looks at the requests whose links are final.</summary>
    public void Choose(bool atEnd)
    {
        foreach (Entry entry in _entries.Values)
        {
            entry.Waiting.RemoveAll(waiting =>
            {
                if (!atEnd && waiting.Request.LastNs == long.MaxValue) return waiting.Request.End.Closed;
                if (!atEnd && !waiting.Request.Calls.TrueForAll(static call => call.Final)) return false;
                var tree = new SampleTree(waiting.Request, waiting.Caller);
                if (entry.Best is null || tree.CompareTo(entry.Best) > 0) entry.Best = tree;
                return true;
            });
        }
    }

    private sealed class Entry
    {
        public long Seen { get; set; }

        public long Distance { get; set; } = 1;

        public List<(RequestNode Request, CallNode? Caller)> Waiting { get; } = [];

        public SampleTree? Best { get; set; }
    }
}

/// <summary>A request with all that was done for it; nothing of the walk is kept alive by it.</summary>
internal sealed class SampleTree : IComparable<SampleTree>
{
    private readonly int _services;

    public SampleTree(RequestNode root, CallNode? caller)
    {
        Origin = root.Origin;
        Service = root.Service ?? "";
        if (caller is not null) Steps.Add(new SampleStep(-1, caller.Service ?? "", caller.Pid, caller.TimeNs, caller.TimeNs, Or(caller.ReturnNs, caller.TimeNs), LinkProof.None, 1));
        Add(root, Steps.Count - 1, root.TimeNs, LinkProof.Told, 1, 0);
        _services = Steps.Select(step => step.Service).Distinct(StringComparer.Ordinal).Count();
    }

    /// <summary>The service that was asked first of those that are known to have been asked.</summary>
    public string Service { get; }

    /// <summary>For whom it was.</summary>
    public Origin Origin { get; }

    /// <summary>Who did what, in the order in which it was caused.</summary>
    public List<SampleStep> Steps { get; } = [];

    /// <summary>The one of more services, then of more steps, is better; of equal ones the earlier.</summary>
    public int CompareTo(SampleTree? other)
    {
        if (other is null) return 1;
        if (_services != other._services) return _services.CompareTo(other._services);
        return Steps.Count != other.Steps.Count ? Steps.Count.CompareTo(other.Steps.Count) : other.Steps[0].FromNs.CompareTo(Steps[0].FromNs);
    }

    private void Add(RequestNode request, int parent, long sentNs, LinkProof proof, double confidence, int depth)
    {
        const int Deepest = 12;
        if (Steps.Count == SampleTrees.MostSteps || depth == Deepest) return;
        int self = Steps.Count;
        Steps.Add(new SampleStep(parent, request.Service ?? "", request.Pid, sentNs, request.ArrivalNs, Or(request.LastNs, request.ArrivalNs), proof, confidence));
        foreach (CallNode call in request.Calls)
        {
            if (call.Told != request) continue;
            if (call.Served is { } served) Add(served, self, call.TimeNs, call.Proof, call.Confidence, depth + 1);
            else if (Steps.Count < SampleTrees.MostSteps)
                Steps.Add(new SampleStep(self, call.Called?.Name ?? call.End.Remote.ToString(), 0, call.TimeNs, call.TimeNs, Or(call.ReturnNs, call.TimeNs), call.Proof, call.Confidence));
        }
    }

    private static long Or(long ns, long otherwise) => ns == long.MaxValue ? otherwise : Math.Max(ns, otherwise);
}

/// <summary>What one process did for a sample.</summary>
/// <param name="Parent">Index of the step that caused it, -1 for none.</param>
/// <param name="Service">Service, or the address that was asked where nobody there was recorded.</param>
/// <param name="Pid">Process, 0 where it was not recorded.</param>
/// <param name="SentNs">When it was asked, ns.</param>
/// <param name="FromNs">When the request was there.</param>
/// <param name="UntilNs">Last byte of the answer.</param>
/// <param name="Proof">What proves that it was for the step above.</param>
/// <param name="Confidence">How sure that is.</param>
internal readonly record struct SampleStep(int Parent, string Service, int Pid, long SentNs, long FromNs, long UntilNs, LinkProof Proof, double Confidence);
