using VirtualServices.Infer.Inventory;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Turns;

/// <summary>Hears what the walk over a session finds. Nothing is allocated per event.</summary>
internal abstract class ActivitySink
{
    /// <summary>CPU time that a thread used since its last event, until the event that is being read, of which nothing else is told yet.</summary>
    public virtual void OnCpu(TracedThread thread, in SessionEvent e, ulong ns) { }

    /// <summary>A connection was accepted.</summary>
    public virtual void OnAccepted(ConnectionEnd end, TracedThread thread, in SessionEvent e) { }

    /// <summary>A connection was made.</summary>
    public virtual void OnConnected(ConnectionEnd end, TracedThread thread, in SessionEvent e) { }

    /// <summary>Bytes were received (more than 0). <paramref name="request"/>: they begin a request.</summary>
    public virtual void OnReceived(ConnectionEnd end, TracedThread thread, in SessionEvent e, bool request) { }

    /// <summary>The requester of a request is settled: now, later, or (at the close) never.</summary>
    public virtual void OnRequest(ConnectionEnd end, in Request request, Origin origin) { }

    /// <summary>Bytes were sent (more than 0). <paramref name="call"/>: they begin an outgoing call; then <paramref name="parent"/> is the connection of the request that it works for, where that is proven.</summary>
    public virtual void OnSent(ConnectionEnd end, TracedThread thread, in SessionEvent e, bool call, ConnectionEnd? parent) { }

    /// <summary>A process was forked.</summary>
    public virtual void OnForked(TracedThread parent, ProcessState child) { }

    /// <summary>A thread was made.</summary>
    public virtual void OnThread(TracedThread parent, int tid) { }

    /// <summary>A thread asked what there is to do.</summary>
    public virtual void OnWaited(TracedThread thread) { }

    /// <summary>A thread woke another one of its process.</summary>
    public virtual void OnWoken(TracedThread waker, TracedThread woken) { }

    /// <summary>A program was executed.</summary>
    public virtual void OnExecuted(TracedThread thread) { }

    /// <summary>A process began to listen.</summary>
    public virtual void OnListening(ProcessState process, ConnectionEnd socket) { }

    /// <summary>The last descriptor was closed, or the session ended.</summary>
    public virtual void OnClosed(ConnectionEnd end) { }

    /// <summary>The process ended, or the session did. Its connections that nobody else holds were closed before.</summary>
    public virtual void OnEnded(ProcessState process) { }
}
