using System.Runtime.InteropServices;

namespace VirtualServices.Infer.Links;

/// <summary>
/// Servers that take work from queues serve in the order of arrival more often than delays alone would have it. How much more is learnt, and an exchange of two requests that would overtake costs that.
/// </summary>
internal sealed class CallOrder(ServiceModel model, SolverStorage storage)
{
    /// <summary>Calls before and after that are looked at.</summary>
    private const int Reach = 16;

    private const int MostOvertaken = 4;

    private readonly List<Part> _callees = [];
    private readonly List<Owner> _owners = storage.Owners;
    private readonly List<(long ArrivalNs, int Number)> _linked = storage.Linked;
    private readonly List<(long Apart, long First, long Second)> _pairs = storage.Pairs;

    /// <summary>Notes whose the calls were before the present step, which has taken away what it takes.</summary>
    /// <param name="window">The calls.</param>
    /// <param name="callee">The callee whose calls are exchanged, -1 for all.</param>
    public void Note(ProcessWindow window, int callee)
    {
        _callees.Clear();
        _owners.Clear();
        for (int each = 0; each < window.ByCallee.Count; each++)
        {
            double price = callee < 0 || callee == each ? model.OrderOf(each) : 0;
            _callees.Add(new Part(price, _owners.Count, price > 0 ? window.ByCallee[each].Count : 0));
            if (price <= 0) continue;
            foreach (CallNode call in window.ByCallee[each]) _owners.Add((call.Parent ?? call.Before) is { } owner ? new Owner(owner.Index, owner.ArrivalNs) : new Owner(-1, 0));
        }
    }

    /// <summary>Cost of giving the call to the request, as the other calls to the callee stood before the present step. Each overtaking is seen from both of its calls, so each counts half.</summary>
    public double Cost(CallNode call, RequestNode request)
    {
        Part callee = _callees[call.Callee];
        if (callee.Price <= 0) return 0;
        ReadOnlySpan<Owner> owners = CollectionsMarshal.AsSpan(_owners).Slice(callee.First, callee.Count);
        Owner own = owners[call.Rank];
        long tick = model.TickNs, since = tick == 1 ? request.ArrivalNs : request.ArrivalNs / tick * tick; // when the tick of its arrival began: others are compared without a division each
        int overtaken = 0, requester = request.Index;

        // What the request had goes where the call comes from. Else two that are to change places would not see each other.
        foreach (Owner each in owners[(call.Rank + 1)..Math.Min(call.Rank + Reach, owners.Length)])
        {
            Owner other = each.Index == requester ? own : each;
            if (other.Index >= 0 && other.ArrivalNs < since) overtaken++;
        }

        foreach (Owner each in owners[Math.Max(call.Rank - Reach + 1, 0)..call.Rank])
        {
            Owner other = each.Index == requester ? own : each;
            if (other.Index >= 0 && other.ArrivalNs - since >= tick) overtaken++;
        }

        return 0.5 * callee.Price * Math.Min(overtaken, MostOvertaken);
    }

    /// <summary>True where one of two requests got its call first although it came later.</summary>
    public static bool IsOvertaken(ServiceModel model, RequestNode one, CallNode first, RequestNode two, CallNode second)
    {
        int arrival = (one.ArrivalNs / model.TickNs).CompareTo(two.ArrivalNs / model.TickNs);
        return arrival != 0 && arrival == -(first.TimeNs / model.TickNs).CompareTo(second.TimeNs / model.TickNs);
    }

    /// <summary>Counts overtaken requests among neighbours that were open together, and how many there would be if each delay had been another request's.</summary>
    public void Learn(int callee, List<CallNode> calls)
    {
        if (model.MostCalls(callee) > 1) return;
        _linked.Clear();
        for (int i = 0; i < calls.Count; i++)
        {
            if (calls[i].Parent is { } parent) _linked.Add((parent.ArrivalNs, i));
        }

        _linked.Sort();
        _pairs.Clear();
        for (int i = 1; i < _linked.Count; i++)
        {
            CallNode first = calls[_linked[i - 1].Number], second = calls[_linked[i].Number];
            RequestNode one = first.Parent!, two = second.Parent!;
            long apart = two.ArrivalNs / model.TickNs - one.ArrivalNs / model.TickNs;
            if (two.ArrivalNs > one.LastNs || apart == 0) continue;
            _pairs.Add((apart, (first.TimeNs - one.ArrivalNs) / model.TickNs, (second.TimeNs - two.ArrivalNs) / model.TickNs));
        }

        ReadOnlySpan<int> shifts = [1, 5, 11, 23];
        for (int i = 0; i < _pairs.Count; i++)
        {
            double byChance = 0;
            foreach (int shift in shifts)
            {
                // The first request's delay, and that of another pair's second one.
                if (_pairs[i].First > _pairs[(i + shift) % _pairs.Count].Second + _pairs[i].Apart) byChance += 1.0 / shifts.Length;
            }

            model.AddOrder(callee, _pairs[i].First > _pairs[i].Second + _pairs[i].Apart ? 1 : 0, byChance);
        }
    }

    /// <summary>A callee in the present step.</summary>
    /// <param name="Price">What it costs to overtake.</param>
    /// <param name="First">Where the owners of its calls begin.</param>
    /// <param name="Count">How many calls there are.</param>
    private readonly record struct Part(double Price, int First, int Count);
}

/// <summary>Whose a call was.</summary>
/// <param name="Index">Index of the request, -1 for nobody's.</param>
/// <param name="ArrivalNs">When that arrived.</param>
internal readonly record struct Owner(int Index, long ArrivalNs);
