using VirtualServices.Model.Sessions;

namespace VirtualServices.Bench.Inference;

/// <summary>A thread of a <see cref="PaperHost"/>. Its calls return how long the next one takes to come; what is not recorded writes nothing.</summary>
internal sealed class PaperThread(PaperHost host, int pid, int tid, bool recorded = true)
{
    private ulong _cpuNs;
    private long _waitsSinceNs, _returnedNs;

    public int Pid => pid;

    /// <summary>What it has to do.</summary>
    public Inbox Inbox { get; } = new(host);

    public bool Recorded => recorded;

    /// <summary>It computes.</summary>
    public long Compute(int microseconds)
    {
        long ns = 1000L * (1 + host.Dice.Next(2 * microseconds));
        _cpuNs += (ulong)ns;
        return ns;
    }

    /// <summary>It begins to wait for something to do.</summary>
    public void BeginWait() => _waitsSinceNs = host.NowNs;

    /// <summary>There is something to do.</summary>
    public long Waited(int ready) => Call(CallKind.Wait, 0, ready, host.NowNs - _waitsSinceNs, fd: 5);

    public long Connect(PaperSocket socket)
    {
        Describe(socket);
        return Call(CallKind.Connect, socket.Cookie, 0, 20_000);
    }

    public long Accept(PaperSocket socket)
    {
        Describe(socket);
        return Call(CallKind.Accept, socket.Cookie, 9, 4_000);
    }

    /// <summary>Sends to the thread at the other end.</summary>
    public long Send(PaperSocket socket, int bytes, object? what = null)
    {
        long next = Call(CallKind.Send, socket.Cookie, bytes, 6_000);
        socket.Peer.Come(what);
        return next;
    }

    public long Receive(PaperSocket socket, int bytes) => Call(CallKind.Receive, socket.Cookie, bytes, 1_500);

    /// <summary>It closes its end; the other one reads that nothing more will come.</summary>
    public long Close(PaperSocket socket)
    {
        long next = Call(CallKind.Close, socket.Cookie, 0, 2_000);
        if (!socket.Closed && !socket.Peer.Closed) socket.Peer.Come(null);
        socket.Closed = true;
        return next;
    }

    /// <summary>It closes its copy of a descriptor.</summary>
    public long CloseCopy(PaperSocket socket) => Call(CallKind.Close, socket.Cookie, 0, 1_000);

    /// <summary>Another process of it.</summary>
    public PaperThread Fork()
    {
        int child = host.NextPid();
        if (recorded) Write(CallKind.Fork, 0, child, 60_000, -1, child);
        return new PaperThread(host, child, child, recorded);
    }

    public long Exit() => Call(CallKind.Exit, 0, 0, 0);

    private long Call(CallKind call, ulong socket, int result, long durationNs, int fd = 9)
    {
        _cpuNs += (ulong)Math.Min(durationNs, 3_000);
        if (recorded) Write(call, socket, result, durationNs, fd, 0);
        return 1_000 + host.Dice.Next(3_000);
    }

    private void Write(CallKind call, ulong socket, int result, long durationNs, int fd, int child)
    {
        durationNs = Math.Min(durationNs, host.NowNs - _returnedNs); // a thread makes one call after the other
        _returnedNs = host.NowNs;
        SessionEvent e = new()
        {
            Call = call,
            TimeNs = host.NowNs - durationNs,
            DurationNs = (uint)Math.Min(durationNs, uint.MaxValue),
            CpuNs = _cpuNs,
            Socket = socket,
            Result = result,
            Pid = pid,
            Tid = tid,
            Fd = fd,
            Child = child,
            ChildPid = child,
        };
        host.Write(in e);
    }

    private void Describe(PaperSocket socket)
    {
        if (!recorded) return;
        SessionEvent e = new() { Call = CallKind.Describe, TimeNs = host.NowNs, Pid = pid, Tid = tid, Fd = 9, Socket = socket.Cookie };
        host.WriteDescription(in e, socket.Description);
    }
}
