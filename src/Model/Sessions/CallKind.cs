namespace VirtualServices.Model.Sessions;

/// <summary>What an event says. The numbers are part of the session format: never renumber.</summary>
public enum CallKind : byte
{
    /// <summary>Not an event.</summary>
    None = 0,

    /// <summary>A connection was accepted; <c>Fd</c> is the new descriptor.</summary>
    Accept = 1,

    /// <summary>A connection was made or tried.</summary>
    Connect = 2,

    /// <summary>Bytes were received; <c>Result</c> is their number, 0 the end of the stream, negative an errno.</summary>
    Receive = 3,

    /// <summary>Bytes were sent; <c>Result</c> as for <see cref="Receive"/>.</summary>
    Send = 4,

    /// <summary>A descriptor of a socket or pipe was closed.</summary>
    Close = 5,

    /// <summary>A process or thread was made: <c>Child</c> is its thread id, <c>ChildPid</c> its process id.</summary>
    Fork = 6,

    /// <summary>Another program was executed.</summary>
    Exec = 7,

    /// <summary>A thread ended.</summary>
    Exit = 8,

    /// <summary>A thread woke another: <c>Child</c> is the woken thread.</summary>
    Wake = 9,

    /// <summary>A thread left the processor.</summary>
    Switch = 10,

    /// <summary>A socket was seen for the first time: its description lies in the session's table.</summary>
    Describe = 11,

    /// <summary>A socket began to listen.</summary>
    Listen = 12,
}
