using System.Runtime.InteropServices;

namespace VirtualServices.Infer.Links;

/// <summary>Chooses for each call the few candidates that are worth a closer look. Under load there are a hundred, of which most are out of the question.</summary>
internal sealed class Narrowing(ServiceModel model)
{
    /// <summary>Candidates that fit best by themselves, and earliest ones that still wait for such a call.</summary>
    private const int Fitting = 12, Waiting = 4;

    private double[] _scores = new double[64];
    private int[] _order = new int[64], _chosen = new int[Fitting + Waiting + 1];

    public void Narrow(ProcessWindow window)
    {
        foreach (CallNode call in window.Calls) Narrow(window, call);
    }

    private void Narrow(ProcessWindow window, CallNode call)
    {
        Span<int> all = window.AllCandidatesOf(call);
        if (all.Length <= _chosen.Length) return;
        all.Sort();
        if (_scores.Length < all.Length)
        {
            _scores = new double[2 * all.Length];
            _order = new int[2 * all.Length];
        }

        int count = 0;
        for (int i = 0; i < all.Length; i++)
        {
            RequestNode request = window.Requests[all[i]];
            _scores[i] = -ScoreOf(request, call, out bool waits);
            _order[i] = i;
            if (request == call.Parent || (waits && count < Waiting)) _chosen[count++] = i;
        }

        _scores.AsSpan(0, all.Length).Sort(_order.AsSpan(0, all.Length));
        Span<int> chosen = _chosen;
        for (int i = 0; i < all.Length && count < chosen.Length; i++)
        {
            if (!chosen[..count].Contains(_order[i])) chosen[count++] = _order[i];
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
        ReadOnlySpan<CallNode> calls = CollectionsMarshal.AsSpan(request.Calls);
        int before = 0;
        waits = true;
        while (before < calls.Length && calls[before].TimeNs <= call.TimeNs && calls[before] != call) waits &= calls[before++].Callee != call.Callee;
        return Timeline.Send(model, request, calls[..before], call) + Timeline.Thread(model, request, call) + Timeline.Prompted(model, request, calls[..before], call);
    }
}
