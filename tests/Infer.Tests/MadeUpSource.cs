using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Tests;

/// <summary>A session of any length that is made while it is read.</summary>
internal sealed class MadeUpSource(IEnumerable<SessionEvent> events) : IEventSource
{
    public const int Server = 100;

    private readonly IEnumerator<SessionEvent> _events = events.GetEnumerator();

    public SessionInfo Info { get; } = new(
        SessionInfo.CurrentFormatVersion, "made-up", "host", "6.1", "boot", "record", "syscalls",
        new SessionClock("CLOCK_MONOTONIC", 1, 0, 0),
        [new Service("server", [new Selector(SelectorKind.Pid, "100")])],
        [new ProcessRecord(Server, 1, "server", "/usr/bin/server", "", "/", "", 1000, 1, "server")],
        [], [], true);

    public IReadOnlyList<SocketDescription> Descriptions => [];

    public bool Truncated => false;

    public int Read(Span<SessionEvent> buffer)
    {
        int count = 0;
        while (count < buffer.Length && _events.MoveNext()) buffer[count++] = _events.Current;
        return count;
    }

    public void Dispose() => _events.Dispose();

    /// <summary>A call of the server, or of any other process.</summary>
    public static SessionEvent Call(CallKind call, long timeNs, ulong socket = 0, int pid = Server, int tid = Server, int result = 10) =>
        new() { Call = call, TimeNs = timeNs, DurationNs = 100, Pid = pid, Tid = tid, Socket = socket, Fd = 9, Result = result };
}
