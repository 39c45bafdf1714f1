using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Sessions;

/// <summary>Puts events that are nearly in order in order: a ring in which each new event is moved back past the later ones.</summary>
internal sealed class ReorderWindow(int capacity)
{
    private readonly SessionEvent[] _events = new SessionEvent[capacity];
    private readonly long[] _keys = new long[capacity];
    private int _first;
    private int _count;

    internal bool IsEmpty => _count == 0;

    internal bool IsFull => _count == _events.Length;

    /// <summary>When an event took effect.</summary>
    internal static long KeyOf(in SessionEvent e)
        => e.Call is CallKind.Receive or CallKind.Accept or CallKind.Wait or CallKind.Pass ? e.TimeNs + e.DurationNs : e.TimeNs;

    internal void Add(in SessionEvent e)
    {
        long key = KeyOf(in e);
        int position = _count++;
        int slot = Slot(position);
        while (position > 0)
        {
            int before = Slot(position - 1);
            // Equal times keep the order of the file: a description stays before the call that made the recorder look.
            if (_keys[before] <= key) break;
            _keys[slot] = _keys[before];
            _events[slot] = _events[before];
            slot = before;
            position--;
        }

        _keys[slot] = key;
        _events[slot] = e;
    }

    internal void TakeFirst(out SessionEvent e)
    {
        e = _events[_first];
        _first = Slot(1);
        _count--;
    }

    private int Slot(int position)
    {
        int slot = _first + position;
        return slot < _events.Length ? slot : slot - _events.Length;
    }
}
