namespace VirtualServices.Enforce.Waiting;

/// <summary>
/// Calls that wait for room: first come, first served, among those that want the same place, and none for longer than <see cref="MostWait"/>. Pure; time is given, in ms.
/// </summary>
internal sealed class WaitingQueue(IRoom room)
{
    /// <summary>The longest wait, ms. Whoever waited for so long is told that there is no room.</summary>
    public const long MostWait = 10_000;

    // From the answer until the kernel has counted who got it, ms. Who is not counted by then may lead to one more than the limit; counted twice for so long, the next one only waits a little more.
    private const long Settles = 3;

    private readonly List<(ulong Ticket, uint Thread, long Since)> _waiting = [];
    private readonly List<(uint[] Places, long At)> _going = [];
    private readonly Dictionary<uint, long> _free = [];

    /// <summary>How many wait.</summary>
    public int Count => _waiting.Count;

    /// <summary>Somebody comes.</summary>
    /// <param name="ticket">By which it is answered.</param>
    /// <param name="thread">Its thread.</param>
    /// <param name="now">Now.</param>
    public void Add(ulong ticket, uint thread, long now) => _waiting.Add((ticket, thread, now));

    /// <summary>Somebody goes away without room. False where it was not waiting any more.</summary>
    public bool Remove(ulong ticket) => _waiting.RemoveAll(one => one.Ticket == ticket) > 0;

    /// <summary>Looks for room.</summary>
    /// <param name="now">Now.</param>
    /// <param name="answer">Told who goes on, and whether because it waited for too long.</param>
    public void Look(long now, Action<ulong, bool> answer)
    {
        _going.RemoveAll(one => now - one.At >= Settles);
        _free.Clear();
        foreach ((uint[] places, _) in _going)
            foreach (uint place in places) Take(place);
        _waiting.RemoveAll(one =>
        {
            uint[] places = room.Wanted(one.Thread);
            bool fits = Array.TrueForAll(places, place => FreeIn(place) > 0), late = !fits && now - one.Since >= MostWait;
            if (fits && places.Length > 0)
            {
                foreach (uint place in places) Take(place);
                _going.Add((places, now));
            }

            if (fits || late) answer(one.Ticket, late);
            return fits || late;
        });
    }

    private long FreeIn(uint place) => _free.TryGetValue(place, out long free) ? free : _free[place] = room.Free(place);

    private void Take(uint place) => _free[place] = FreeIn(place) - 1;
}
