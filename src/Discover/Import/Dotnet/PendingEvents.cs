namespace VirtualServices.Discover.Import.Dotnet;

/// <summary>Events in the order of their times. One whose connection the file tells later, at the end of a span, holds back those behind it, up to a bound.</summary>
internal sealed class PendingEvents(Action<NeutralEvent> add)
{
    /// <summary>Events that are held back; then the first of them is taken as it is assumed to be.</summary>
    internal const int Most = 1 << 16;

    private readonly Queue<PendingEvent> _events = [];

    internal void Add(PendingEvent e)
    {
        _events.Enqueue(e);
        if (_events.Count > Most) Assume(_events.Peek());
        Flush();
    }

    /// <summary>Hands on what is known up to the first that is not.</summary>
    internal void Flush()
    {
        while (_events.TryPeek(out PendingEvent? e) && e.Assume is null)
        {
            _events.Dequeue();
            Hand(e);
        }
    }

    /// <summary>The end of the files.</summary>
    internal void Complete()
    {
        foreach (PendingEvent e in _events) Assume(e);
        Flush();
    }

    /// <summary>
    /// Hands an event on, once. Npgsql gives a connection back to its pool before it ends the span of the call, so the next call may be sent over it before the end of the one before is told:
    /// that one had its answer by then.
    /// </summary>
    private void Hand(PendingEvent e)
    {
        if (e.Handed) return;
        e.Handed = true;
        if (e.End is { } end)
        {
            if (end.Answer is { Handed: false } answer)
            {
                answer.Event.TimeNs = e.Event.TimeNs;
                Hand(answer);
            }

            end.Answer = e.Answer;
        }

        if (e.Before is { } before) add(before);
        add(e.Event);
    }

    private static void Assume(PendingEvent e)
    {
        e.Assume?.Invoke();
        e.Assume = null;
    }
}

/// <summary>An event, perhaps of a connection that is not known yet.</summary>
internal sealed class PendingEvent(NeutralEvent e)
{
    internal NeutralEvent Event { get; } = e;

    /// <summary>An event that goes with it: the accept of its connection.</summary>
    internal NeutralEvent? Before { get; set; }

    /// <summary>The send of a call: its connection, null while not known.</summary>
    internal DotnetEnd? End { get; set; }

    /// <summary>The send of a call: its answer, null while there is none.</summary>
    internal PendingEvent? Answer { get; set; }

    /// <summary>It was handed on.</summary>
    internal bool Handed { get; set; }

    /// <summary>Settles the connection without knowing it; null where it is known.</summary>
    internal Action? Assume { get; set; }
}
