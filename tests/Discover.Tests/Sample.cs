using System.Net;
using CsCheck;
using VirtualServices.Discover.Nettrace;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Tests;

/// <summary>Sessions to write and read.</summary>
internal static class Sample
{
    internal const long StartNs = 1_000_000_000_000;

    internal static readonly SessionInfo Info = new(
        SessionInfo.CurrentFormatVersion,
        "00112233445566778899aabbccddeeff",
        "host",
        "6.1.0",
        "b",
        "record",
        "syscalls",
        new SessionClock("CLOCK_MONOTONIC", StartNs, 0, 1_700_000_000_123_456_789 - StartNs),
        [new Service("db", [new Selector(SelectorKind.Listen, "tcp/5432")])],
        [new ProcessRecord(10, 1, "postgres", "/usr/bin/postgres", "postgres -D x \"ü\"", "/system.slice/pg.service", "pg.service", 101, 5_000_000, "db")],
        [new SocketRecord(Describe(77, SocketRole.Listener), [new SocketHolder(10, 3)])],
        [new SourceCount("ring", 5, 2)],
        true,
        Packets: new PacketsInfo(64, [new PacketInterface("eth0", "shop", 9, 3, "The interface disappeared")]));

    internal static SocketDescription Describe(ulong id, SocketRole role) => new(
        id, 4711, TransportProtocol.Tcp, role, Endpoint.Inet(IPAddress.Parse("127.0.0.1"), 5432), Endpoint.Inet(IPAddress.Parse("fd00::1"), 40000), 4712, 99, 4026531833);

    private static readonly Gen<CallKind> Kinds = Gen.OneOf(new[] { CallKind.Accept, CallKind.Connect, CallKind.Receive, CallKind.Send, CallKind.Close, CallKind.Exec, CallKind.Exit, CallKind.Listen, CallKind.Fork, CallKind.Create, CallKind.Bind, CallKind.Shutdown, CallKind.Duplicate, CallKind.Wait, CallKind.Pass, CallKind.Wake }.Select(Gen.Const).ToArray());

    /// <summary>Events of a few threads, each thread's calls one after the other, together in the order in which they end.</summary>
    internal static readonly Gen<SessionEvent[]> Events =
        (from kind in Kinds
         from thread in Gen.Int[1, 5]
         from gap in Gen.Int[0, 100_000]
         from duration in Gen.Frequency((5, Gen.UInt[0, 1000]), (1, Gen.UInt))
         from cpu in Gen.ULong
         from socket in Gen.Frequency((3, Gen.ULong[0, 1000]), (1, Gen.ULong))
         from result in Gen.Int
         from fd in Gen.Int[-1, 1 << 20]
         from child in Gen.Int[1, 1 << 22]
         from peer in Gen.Frequency((2, Gen.Const((High: 0UL, Low: 0UL, Port: (ushort)0))), (1, Gen.Select(Gen.ULong, Gen.ULong, Gen.UShort[1, 65535], (high, low, port) => (High: high, Low: low, Port: port))))
         select (kind, thread, gap, duration, cpu, socket, result, fd, child, peer)).Array[0, 200].Select(steps =>
         {
             long now = StartNs + 5_000_000_000;
             return steps.Select(step =>
             {
                 now += step.gap;
                 bool fork = step.kind is CallKind.Fork or CallKind.Wake;
                 bool datagram = step.kind is CallKind.Receive or CallKind.Send;
                 return new SessionEvent
                 {
                     Call = step.kind,
                     Pid = 10,
                     Tid = 10 + step.thread,
                     TimeNs = now - step.duration,
                     DurationNs = step.duration,
                     CpuNs = step.cpu,
                     Socket = step.socket,
                     Result = step.result,
                     Fd = step.fd,
                     Child = fork ? step.child : 0,
                     ChildPid = fork ? step.child : 0,
                     PeerHigh = datagram ? step.peer.High : 0,
                     PeerLow = datagram ? step.peer.Low : 0,
                     PeerPort = datagram ? step.peer.Port : (ushort)0,
                 };
             }).ToArray();
         });

    internal static byte[] Write(IEnumerable<SessionEvent> events, bool complete = true, int flushEvery = 50, Action<NettraceWriter, int>? before = null)
    {
        using MemoryStream stream = new();
        using NettraceWriter writer = new(stream, Info.Clock, "");
        int count = 0;
        foreach (SessionEvent e in events)
        {
            before?.Invoke(writer, count);
            if (e.Call == CallKind.Describe) writer.WriteDescription(in e, Describe(e.Socket, SocketRole.Server));
            else writer.Write(in e);
            if (++count % flushEvery == 0) writer.Flush();
        }

        if (complete) writer.Complete(0);
        else writer.Flush();
        return stream.ToArray();
    }

    /// <summary>A few events of every kind.</summary>
    internal static SessionEvent[] Small()
    {
        List<SessionEvent> events = [];
        foreach (CallKind kind in Enum.GetValues<CallKind>().Where(kind => kind is not (CallKind.None or CallKind.Switch)))
            events.Add(new SessionEvent { Call = kind, Pid = 10, Tid = 11 + (int)kind % 3, TimeNs = StartNs + (int)kind * 1000, DurationNs = kind == CallKind.Describe ? 0 : 10u, CpuNs = 5, Socket = (ulong)kind | SocketDescription.InodeFlag, Result = -11, Fd = 4 });
        return [.. events];
    }

    internal static List<SessionEvent> ReadAll(byte[] file, out SessionReader reader, SessionInfo? info = null)
    {
        reader = SessionReader.Open(info ?? Info, new MemoryStream(file), "events.nettrace");
        List<SessionEvent> events = [];
        SessionEvent[] buffer = new SessionEvent[7];
        for (int count; (count = reader.Read(buffer)) > 0;) events.AddRange(buffer.AsSpan(0, count));
        return events;
    }
}
