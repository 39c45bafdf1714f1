using VirtualServices.Enforce.Kernel;

namespace VirtualServices.Enforce.Limits;

/// <summary>What becomes of a process that waits.</summary>
internal enum WaitEnd
{
    /// <summary>There is room: its call is made again.</summary>
    Room,

    /// <summary>It has waited long enough, or it was never to wait: its call fails.</summary>
    Fails,
}

/// <summary>Who waits for room, first come, first served at each limit. Decides; does nothing itself.</summary>
internal sealed class LimitQueues
{
    private readonly Dictionary<int, Place> _places = [];
    private readonly Dictionary<(uint Counter, CountKind Kind), List<Place>> _queues = [];
    private readonly Dictionary<(uint Counter, CountKind Kind), int> _granted = [];
    private readonly List<(int Pid, WaitEnd End)> _decided = [];

    /// <summary>Number of processes that wait or go on and have not made yet what they waited for.</summary>
    public int Count => _places.Count;

    /// <summary>All of them.</summary>
    public IReadOnlyCollection<int> Processes => _places.Keys;

    /// <summary>True where the process is known, and waits for the same call: it may have made one thing and wait for the next before anybody looked.</summary>
    public bool Contains(int pid, in StoppedCall call) => _places.TryGetValue(pid, out Place? place) && place.Call.SinceNs == call.SinceNs && place.Call.Tid == call.Tid && place.Call.Kind == call.Kind;

    /// <summary>A process was stopped.</summary>
    public void Add(int pid, in StoppedCall call)
    {
        Place place = new(pid, call);
        if (!_places.TryAdd(pid, place)) return;
        if (!_queues.TryGetValue((call.Counter, call.Kind), out List<Place>? queue)) _queues[(call.Counter, call.Kind)] = queue = [];
        int at = queue.Count;
        while (at > 0 && queue[at - 1].Call.SinceNs > call.SinceNs) at--; // two processors may tell in another order than they stopped
        queue.Insert(at, place);
    }

    /// <summary>A process has made what it waited for, or has ended.</summary>
    public void Remove(int pid, ILimitRoom room)
    {
        if (!_places.Remove(pid, out Place? place)) return;
        _queues[(place.Call.Counter, place.Call.Kind)].Remove(place);
        Forget(place, room);
    }

    /// <summary>Decides for all that need not wait any longer. Each is told once.</summary>
    public IReadOnlyList<(int Pid, WaitEnd End)> Decide(long nowNs, ILimitRoom room)
    {
        _decided.Clear();
        foreach (List<Place> queue in _queues.Values)
        {
            bool full = false;
            foreach (Place place in queue)
            {
                if (place.Decided) continue;
                bool over = place.Call.State == WaitState.Errno || nowNs - (long)place.Call.SinceNs >= place.Call.MaxWaitMs * 1_000_000L;
                if (!full && place.Call.State == WaitState.Room && HasRoom(place.Call, room))
                {
                    Grant(place, room);
                    _decided.Add((place.Pid, WaitEnd.Room));
                    continue;
                }

                full |= place.Call.State == WaitState.Room; // nobody overtakes
                if (!over) continue;
                place.Decided = true;
                _decided.Add((place.Pid, WaitEnd.Fails));
            }
        }

        return _decided;
    }

    /// <summary>A process meets its limit once more with the same call: it is decided anew, at its old place.</summary>
    /// <returns>How often that was so.</returns>
    public int Again(int pid, ILimitRoom room)
    {
        if (!_places.TryGetValue(pid, out Place? place)) return 0;
        Forget(place, room);
        place.Decided = false;
        return ++place.Times;
    }

    /// <summary>How often <see cref="Again"/> was said of a process.</summary>
    public int TimesOf(int pid) => _places.TryGetValue(pid, out Place? place) ? place.Times : 0;

    /// <summary>A process that was let go on has not made anything for long: its place is free for others.</summary>
    public void Expire(int pid, ILimitRoom room)
    {
        if (_places.TryGetValue(pid, out Place? place)) Forget(place, room);
    }

    /// <summary>Nobody waits.</summary>
    public void Clear()
    {
        _places.Clear();
        _queues.Clear();
        _granted.Clear();
    }

    private bool HasRoom(in StoppedCall call, ILimitRoom room)
    {
        for (uint at = call.From; at != 0; at = room.Above(at))
            if (room.Left(at, call.Kind) <= _granted.GetValueOrDefault((at, call.Kind))) return false;
        return true;
    }

    private void Grant(Place place, ILimitRoom room)
    {
        place.Decided = place.Granted = true;
        for (uint at = place.Call.From; at != 0; at = room.Above(at)) _granted[(at, place.Call.Kind)] = _granted.GetValueOrDefault((at, place.Call.Kind)) + 1;
    }

    private void Forget(Place place, ILimitRoom room)
    {
        if (!place.Granted) return;
        place.Granted = false;
        for (uint at = place.Call.From; at != 0; at = room.Above(at)) _granted[(at, place.Call.Kind)]--;
    }

    private sealed class Place(int pid, StoppedCall call)
    {
        public int Pid { get; } = pid;

        public StoppedCall Call { get; } = call;

        public bool Decided { get; set; }

        public bool Granted { get; set; }

        public int Times { get; set; }
    }
}
