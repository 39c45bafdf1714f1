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

    /// <summary>
    /// A thread woke another that slept: <c>Child</c> is the woken thread, <c>ChildPid</c> its process, <c>Result</c> a <see cref="WakeMeans"/>, <c>Socket</c> the pipe or
    /// eventfd that was written to. Only between recorded threads, only where the waker did it itself (not an interrupt), and not for sockets, whose calls tell the same.
    /// </summary>
    Wake = 9,

    /// <summary>A thread left the processor.</summary>
    Switch = 10,

    /// <summary>A socket was seen for the first time: its description lies in the session's table.</summary>
    Describe = 11,

    /// <summary>A socket began to listen.</summary>
    Listen = 12,

    /// <summary>A socket, pipe end or eventfd was made; a pipe and a socket pair give two events.</summary>
    Create = 13,

    /// <summary>A socket got its local address.</summary>
    Bind = 14,

    /// <summary>One direction of a connection, or both, was ended; the descriptor stays.</summary>
    Shutdown = 15,

    /// <summary>A descriptor was duplicated: <c>Result</c> is the new one.</summary>
    Duplicate = 16,

    /// <summary>A thread asked which descriptors are ready (epoll_wait, poll, select): <c>Result</c> is how many; <c>Fd</c> is that of the epoll instance, -1 for poll and select.</summary>
    Wait = 17,

    /// <summary>A descriptor came from another process over a unix socket (SCM_RIGHTS): <c>Fd</c> is the new descriptor, <c>Socket</c> what it leads to.</summary>
    Pass = 18,
}
