using VirtualServices.Infer.Inventory;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Turns;

/// <summary>Two that hear of the same walk, the first one first: a session can be read once only.</summary>
internal sealed class SinkPair(ActivitySink first, ActivitySink second) : ActivitySink
{
    /// <inheritdoc/>
    public override void OnCpu(TracedThread thread, in SessionEvent e, ulong ns)
    {
        first.OnCpu(thread, in e, ns);
        second.OnCpu(thread, in e, ns);
    }

    /// <inheritdoc/>
    public override void OnAccepted(ConnectionEnd end, TracedThread thread, in SessionEvent e)
    {
        first.OnAccepted(end, thread, in e);
        second.OnAccepted(end, thread, in e);
    }

    /// <inheritdoc/>
    public override void OnConnected(ConnectionEnd end, TracedThread thread, in SessionEvent e)
    {
        first.OnConnected(end, thread, in e);
        second.OnConnected(end, thread, in e);
    }

    /// <inheritdoc/>
    public override void OnReceived(ConnectionEnd end, TracedThread thread, in SessionEvent e, bool request)
    {
        first.OnReceived(end, thread, in e, request);
        second.OnReceived(end, thread, in e, request);
    }

    /// <inheritdoc/>
    public override void OnRequest(ConnectionEnd end, in Request request, Origin origin)
    {
        first.OnRequest(end, in request, origin);
        second.OnRequest(end, in request, origin);
    }

    /// <inheritdoc/>
    public override void OnSent(ConnectionEnd end, TracedThread thread, in SessionEvent e, bool call, ConnectionEnd? parent)
    {
        first.OnSent(end, thread, in e, call, parent);
        second.OnSent(end, thread, in e, call, parent);
    }

    /// <inheritdoc/>
    public override void OnForked(TracedThread parent, ProcessState child)
    {
        first.OnForked(parent, child);
        second.OnForked(parent, child);
    }

    /// <inheritdoc/>
    public override void OnThread(TracedThread parent, int tid)
    {
        first.OnThread(parent, tid);
        second.OnThread(parent, tid);
    }

    /// <inheritdoc/>
    public override void OnWaited(TracedThread thread)
    {
        first.OnWaited(thread);
        second.OnWaited(thread);
    }

    /// <inheritdoc/>
    public override void OnWoken(TracedThread waker, TracedThread woken)
    {
        first.OnWoken(waker, woken);
        second.OnWoken(waker, woken);
    }

    /// <inheritdoc/>
    public override void OnExecuted(TracedThread thread)
    {
        first.OnExecuted(thread);
        second.OnExecuted(thread);
    }

    /// <inheritdoc/>
    public override void OnListening(ProcessState process, ConnectionEnd socket)
    {
        first.OnListening(process, socket);
        second.OnListening(process, socket);
    }

    /// <inheritdoc/>
    public override void OnClosed(ConnectionEnd end)
    {
        first.OnClosed(end);
        second.OnClosed(end);
    }

    /// <inheritdoc/>
    public override void OnEnded(ProcessState process)
    {
        first.OnEnded(process);
        second.OnEnded(process);
    }
}
