namespace VirtualServices.Infer.Links;

/// <summary>Chooses for each call the few candidates that are worth a closer look. Under load there are a hundred, of which most are out of the question.</summary>
internal sealed class Narrowing(ServiceModel model)
{
    /// <summary>Candidates that fit best by themselves, and earliest ones that still wait for such a call.</summary>
    private const int Fitting = 12, Waiting = 4;

    private readonly int[] _chosen = new int[Fitting + Waiting + 1];
    private Ranked[] _ranked = new Ranked[64];

    public void Narrow(ProcessWindow window)
    {
        foreach (CallNode call in window.Calls) Narrow(window, call);
    }

    private void Narrow(ProcessWindow window, CallNode call)
    {
        Span<int> all = window.AllCandidatesOf(call);
        if (all.Length <= _chosen.Length) return;
        all.Sort();
        if (_ranked.Length < all.Length) _ranked = new Ranked[2 * all.Length];

        int count = 0;
        for (int i = 0; i < all.Length; i++)
        {
            RequestNode request = window.Requests[all[i]];
            _ranked[i] = new Ranked(ScoreOf(request, call, out bool waits), i);
            if (request == call.Parent || (waits && count < Waiting)) _chosen[count++] = i;
        }

        _ranked.AsSpan(0, all.Length).Sort();
        Span<int> chosen = _chosen;
        for (int i = 0; i < all.Length && count < chosen.Length; i++)
        {
            if (!chosen[..count].Contains(_ranked[i].Index)) chosen[count++] = _ranked[i].Index;
        }

        // To the front, and the places of those to where they come from; both halves stay in order.
        chosen = chosen[..count];
        chosen.Sort();
        for (int i = 0; i < count; i++)
        {
            int index = all[chosen[i]];
            all[i..chosen[i]].CopyTo(all[(i + 1)..]);
            all[i] = index;
        }

        window.Look(call, count);
    }

    private double ScoreOf(RequestNode request, CallNode call, out bool waits)
    {
        ReadOnlySpan<CallNode> before = request.CallsUntil(call.TimeNs);
        if (request == call.Parent)
        {
            // It is there itself, before others of the same time at most.
            int itself = before.Length - 1;
            while (before[itself] != call) itself--;
            before = before[..itself];
        }

        waits = !Timeline.IsLater(before, call.Callee);
        return Timeline.Send(model, request, before, call) + Timeline.Thread(model, request, call) + Timeline.Prompted(model, request, before, call);
    }

    /// <summary>The best first, and of equal ones the earliest: a total order, so that no way to sort makes a difference.</summary>
    private readonly record struct Ranked(double Score, int Index) : IComparable<Ranked>
    {
        public int CompareTo(Ranked other) => Score != other.Score ? other.Score.CompareTo(Score) : Index.CompareTo(other.Index);
    }
}
