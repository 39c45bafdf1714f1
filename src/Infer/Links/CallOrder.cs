using System.Runtime.InteropServices;

namespace VirtualServices.Infer.Links;

/// <summary>
/// Servers that take work from queues serve in the order of arrival more often than delays alone would have it. How much more is learnt, and an exchange of two requests that would overtake costs that.
/// What lies around the calls of a unit is gathered once, for all requests that it may go to.
/// </summary>
internal sealed class CallOrder(ServiceModel model, SolverStorage storage)
{
    /// <summary>Calls before and after that are looked at.</summary>
    private const int Reach = 16;

    private const int MostOvertaken = 4;

    private readonly List<Neighbour> _neighbours = [];
    private readonly List<Ordered> _unit = [];
    private readonly List<(long ArrivalNs, int Number)> _linked = storage.Linked;
    private readonly List<(long Apart, long First, long Second)> _pairs = storage.Pairs;

    /// <summary>Begins a unit.</summary>
    public void Begin()
    {
        _neighbours.Clear();
        _unit.Clear();
    }

    /// <summary>Adds a call to the unit.</summary>
    /// <param name="calls">All calls to its callee.</param>
    /// <param name="call">The call.</param>
    public void Add(List<CallNode> calls, CallNode call)
    {
        double price = model.OrderOf(call.Callee);
        if (price <= 0) return;
        for (int i = call.Rank + 1; i < Math.Min(call.Rank + Reach, calls.Count); i++) AddNeighbour(calls[i]);
        int later = _neighbours.Count;
        for (int i = call.Rank - 1; i > Math.Max(call.Rank - Reach, -1); i--) AddNeighbour(calls[i]);
        _unit.Add(new Ordered(price, OwnerOf(call)?.ArrivalNs, later, _neighbours.Count));
    }

    /// <summary>
    /// What is left of a gain when what it costs to give the unit to the request is taken off, as the other calls to the callees stood before the present step.
    /// Each overtaking is seen from both of its calls, so each counts half.
    /// </summary>
    public double Net(double gain, RequestNode request)
    {
        long tick = model.TickNs, since = tick == 1 ? request.ArrivalNs : request.ArrivalNs / tick * tick; // when the tick of its arrival began: others are compared without a division each
        ReadOnlySpan<Neighbour> neighbours = CollectionsMarshal.AsSpan(_neighbours);
        int next = 0;
        foreach (Ordered call in _unit)
        {
            int overtaken = 0;
            for (; next < call.Later; next++)
            {
                if (ArrivalOf(in neighbours[next], in call, request) is { } arrivalNs && arrivalNs < since) overtaken++;
            }

            for (; next < call.End; next++)
            {
                if (ArrivalOf(in neighbours[next], in call, request) is { } arrivalNs && arrivalNs - since >= tick) overtaken++;
            }

            gain -= 0.5 * call.Price * Math.Min(overtaken, MostOvertaken);
        }

        return gain;
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

    /// <summary>When the request arrived whose the neighbour is where the call goes to this one: what this one had goes where that call comes from. Else two that are to change places would not see each other.</summary>
    private static long? ArrivalOf(in Neighbour other, in Ordered call, RequestNode request) => other.Owner == request.Index ? call.OwnerNs : other.OwnerNs;

    private void AddNeighbour(CallNode call)
    {
        if (OwnerOf(call) is { } owner) _neighbours.Add(new Neighbour(owner.Index, owner.ArrivalNs));
    }

    /// <summary>Whose a call was before the present step.</summary>
    private static RequestNode? OwnerOf(CallNode call) => call.Parent ?? call.Before;

    /// <summary>A call to the same callee, that was somebody's.</summary>
    /// <param name="Owner">Index of the request whose it was.</param>
    /// <param name="OwnerNs">When that arrived.</param>
    private readonly record struct Neighbour(int Owner, long OwnerNs);

    /// <summary>A call of the unit.</summary>
    /// <param name="Price">What it costs to overtake at its callee.</param>
    /// <param name="OwnerNs">When the request arrived whose it was, where it was somebody's.</param>
    /// <param name="Later">Where the neighbours that were sent after it end.</param>
    /// <param name="End">Where all its neighbours end.</param>
    private readonly record struct Ordered(double Price, long? OwnerNs, int Later, int End);
}
