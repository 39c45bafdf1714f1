namespace VirtualServices.Infer.Links;

/// <summary>
/// Where threads work on a piece at a time, as event loops do, each call and each reply is sent for what was received just before, so all that belongs to a request hangs together: what was received
/// prompts a call, its answer prompts the next, the last one prompts the reply. Replies are known to be their requests', so it can be tested whether a service works like that, without
/// knowing a single link: then no reply is sent just after the arrival of another request.
/// </summary>
internal sealed class PromptChains
{
    /// <summary>Replies of requests that were not alone that have to be seen.</summary>
    private const int LeastReplies = 20;

    /// <summary>So many times fewer replies than by chance may follow the arrival of another request.</summary>
    private const double MostForeign = 0.05;

    /// <summary>Share of replies that have to be consistent. Event loops whose calls wait for a free connection come down to this: then another request's answer prompts the call.</summary>
    private const double LeastShare = 0.3;

    /// <summary>
    /// Where threads are not told: arrivals of requests between what prompted a reply and the reply that there would have to be if others went on meanwhile. A process that does little has none
    /// either way, and nothing can be said of it.
    /// </summary>
    private const double LeastExpected = 5;

    /// <summary>Requests before and after one among which others that were open are looked for.</summary>
    private const int Neighbours = 4;

    private int[] _up = [], _requests = [], _owner = [];
    private bool _told;
    private Counts _now, _kept;

    /// <summary>Share of replies that hang together with their own request and no other; 0 where too few were seen.</summary>
    public double Share => _now.Replies < LeastReplies ? 0 : _now.Consistent / _now.Replies;

    /// <summary>Replies that were sent just after another request arrived, by those that would be by chance; 1 where too few were seen.</summary>
    public double Foreign => _now.Replies < LeastReplies ? 1 : _now.Foreign / (_now.Replies * _now.Requests / (_now.Requests + _now.Calls));

    /// <summary>The service works like that.</summary>
    public bool IsPrompted => Share >= LeastShare && Foreign < MostForeign && (_told || (_now.Expected >= LeastExpected && _now.Foreign <= MostForeign * _now.Expected));

    /// <summary>A window is over: what was seen counts less in later ones.</summary>
    public void Keep(double part)
    {
        _kept = _now;
        _kept.Fade(part);
    }

    /// <summary>Finds out how the service works, and where it is prompted, gives each call the request that it hangs together with.</summary>
    public void Guess(IReadOnlyList<ProcessWindow> windows)
    {
        _now = _kept;
        foreach (ProcessWindow window in windows) Test(window);
        if (!IsPrompted) return;
        foreach (ProcessWindow window in windows)
        {
            Join(window);
            for (int i = 0; i < window.Requests.Count; i++) _owner[Find(i)] = i;
            foreach (CallNode call in window.Calls)
            {
                int root = Find(window.Requests.Count + call.Index);
                if (call.Parent is null && _requests[root] == 1 && window.CandidatesOf(call).Contains(_owner[root])) window.Requests[_owner[root]].Insert(call);
            }
        }
    }

    private void Test(ProcessWindow window)
    {
        _told |= window.Calls.Exists(static call => call.Tid != 0);
        double perNs = window.Requests.Count < 2 ? 0 : window.Requests.Count / Math.Max((double)window.Requests[^1].ArrivalNs - window.Requests[0].ArrivalNs, 1);
        _now.Requests += window.Requests.Count;
        _now.Calls += window.Calls.Count + window.Proven.Count;
        if (window.Requests.Count == 0) return;
        Join(window);
        for (int i = 0; i < window.Requests.Count; i++)
        {
            RequestNode request = window.Requests[i];
            if (!request.ReplyPrompt.IsKnown || !HasCompany(window, i)) continue;
            _now.Replies++;
            _now.Expected += Math.Min(perNs * Math.Max(request.ReplyNs - request.ReplyPrompt.TimeNs, 0), 1);
            if (_requests[Find(i)] == 1) _now.Consistent++;
            if (request.ReplyPrompt.Request is { } other && other != request) _now.Foreign++;
        }
    }

    /// <summary>Another request was open when this one was answered.</summary>
    private static bool HasCompany(ProcessWindow window, int index)
    {
        RequestNode request = window.Requests[index];
        if (request.Alone) return false;
        for (int i = Math.Max(index - Neighbours, 0); i < Math.Min(index + Neighbours + 1, window.Requests.Count); i++)
        {
            if (i != index && window.Requests[i].ArrivalNs <= request.ReplyNs && window.Requests[i].ReplyNs >= request.ReplyNs) return true;
        }

        return false;
    }

    private void Join(ProcessWindow window)
    {
        int count = window.Requests.Count + window.Calls.Count;
        if (_up.Length < count) _up = new int[2 * count];
        if (_requests.Length < count) _requests = new int[2 * count];
        if (_owner.Length < count) _owner = new int[2 * count];
        for (int i = 0; i < count; i++)
        {
            _up[i] = i;
            _requests[i] = i < window.Requests.Count ? 1 : 0;
        }

        foreach (CallNode call in window.Calls) Join(window.Requests.Count + call.Index, IdOf(window, call.Prompt));
        foreach (RequestNode request in window.Requests) Join(request.Index, IdOf(window, request.ReplyPrompt));
    }

    private static int IdOf(ProcessWindow window, Prompt prompt)
    {
        if (prompt.Call is { } call && call.Index < window.Calls.Count && window.Calls[call.Index] == call) return window.Requests.Count + call.Index;
        RequestNode? request = prompt.Request ?? prompt.Call?.Parent;
        return request is not null && request.Index < window.Requests.Count && window.Requests[request.Index] == request ? request.Index : -1;
    }

    private void Join(int one, int two)
    {
        if (two < 0) return;
        one = Find(one);
        two = Find(two);
        if (one == two) return;
        _up[two] = one;
        _requests[one] += _requests[two];
    }

    private int Find(int node)
    {
        while (_up[node] != node) node = _up[node] = _up[_up[node]];
        return node;
    }

    /// <summary>What was seen. Replies are those of requests that were not alone.</summary>
    private struct Counts
    {
        public double Replies, Consistent, Foreign, Expected, Requests, Calls;

        public void Fade(double part)
        {
            Replies *= part;
            Consistent *= part;
            Foreign *= part;
            Expected *= part;
            Requests *= part;
            Calls *= part;
        }
    }
}
