using System.Text.Json;
using VirtualServices.Infer.Turns;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Tests;

/// <summary>One socket that everybody writes to, as a name server has it.</summary>
public sealed class DatagramTests
{
    private const int Resolver = 100, One = 201, Other = 202;
    private static readonly Endpoint Asked = Recording.Tcp("127.0.0.1", 53);

    [Fact]
    public void Each_peer_of_a_socket_asks_for_itself()
    {
        Recording recording = Given(out ulong socket);
        Ask(recording, One, 4001);
        Ask(recording, Other, 4002);
        Receive(recording, socket, 4001);
        Receive(recording, socket, 4002);
        Answer(recording, socket, 4002);
        Answer(recording, socket, 4001);

        JsonElement[] lines = Attribution(recording);
        Assert.Equal(["one", "other"], lines.Select(line => line.GetProperty("vs").GetString()));
        Assert.Single(lines.Select(line => line.GetProperty("conn").GetString()).Distinct());
    }

    [Fact]
    public void A_call_between_a_datagram_and_its_answer_works_for_its_sender()
    {
        Recording recording = Given(out ulong socket);
        Ask(recording, One, 4001);
        Receive(recording, socket, 4001);
        long asked = recording.Now;
        ulong upstream = Client(recording, Resolver, 5001, Recording.Tcp("127.0.0.1", 5353));
        recording.Call(CallKind.Send, Resolver, upstream, 40);
        recording.Call(CallKind.Receive, Resolver, upstream, 80);
        Answer(recording, socket, 4001);
        JsonElement link = OutputTests.Lines(OutputTests.Links(recording)).Last();
        Assert.Equal(asked, link.GetProperty("parent").GetProperty("ts").GetInt64());
    }

    [Fact]
    public void A_socket_that_writes_first_asks()
    {
        Recording recording = Given(out ulong socket);
        recording.Call(CallKind.Send, Resolver, socket, 40, peer: Recording.Tcp("127.0.0.1", 5353));
        Assert.Single(OutputTests.Lines(OutputTests.Links(recording)));
    }

    [Fact]
    public void Peers_that_never_end_are_forgotten_in_their_order()
    {
        EndTable table = new(hostsApart: false);
        ConnectionEnd socket = table.Describe(new SocketDescription(7, 8, TransportProtocol.Udp, SocketRole.Unknown, Asked, Endpoint.None, 0, 0, 0), out _), first = null!;
        for (int i = 0; i <= EndTable.MostDatagrams; i++)
        {
            Assert.Null(table.ForgottenDatagram());
            SessionEvent e = new() { Call = CallKind.Receive, PeerHigh = (ulong)i, PeerPort = 9 };
            ConnectionEnd end = table.Datagram(socket, in e);
            Assert.Same(end, table.Datagram(socket, in e));
            first ??= end;
        }

        Assert.Same(first, table.ForgottenDatagram());
        table.Remove(first);
        Assert.Null(table.ForgottenDatagram());
        Assert.Equal(EndTable.MostDatagrams, socket.Datagrams!.Count);
        SessionEvent again = new() { Call = CallKind.Receive, PeerHigh = 0, PeerPort = 9 };
        Assert.NotSame(first, table.Datagram(socket, in again));
    }

    private static Recording Given(out ulong socket)
    {
        Recording recording = new();
        recording.Serve("resolver", SelectorKind.Unit, "resolver.service").Serve("one", SelectorKind.Unit, "one.service").Serve("other", SelectorKind.Unit, "other.service");
        recording.Process(Resolver, "resolver", unit: "resolver.service");
        recording.Process(One, "one", unit: "one.service");
        recording.Process(Other, "other", unit: "other.service");
        socket = recording.NextCookie();
        recording.Sockets.Add(new SocketRecord(new SocketDescription(socket, recording.NextInode(), TransportProtocol.Udp, SocketRole.Unknown, Asked, Endpoint.None, 0, 0, 1), [new SocketHolder(Resolver, 3)]));
        return recording;
    }

    private static ulong Client(Recording recording, int pid, int port, Endpoint server)
    {
        ulong cookie = recording.NextCookie();
        recording.Describe(new SocketDescription(cookie, recording.NextInode(), TransportProtocol.Udp, SocketRole.Client, Recording.Tcp("127.0.0.1", port), server, 0, 0, 1));
        recording.Call(CallKind.Connect, pid, cookie);
        return cookie;
    }

    private static void Ask(Recording recording, int pid, int port) => recording.Call(CallKind.Send, pid, Client(recording, pid, port, Asked), 40);

    private static void Receive(Recording recording, ulong socket, int port) => recording.Call(CallKind.Receive, Resolver, socket, 40, peer: Recording.Tcp("127.0.0.1", port));

    private static void Answer(Recording recording, ulong socket, int port) => recording.Call(CallKind.Send, Resolver, socket, 80, peer: Recording.Tcp("127.0.0.1", port));

    private static JsonElement[] Attribution(Recording recording)
    {
        InferenceEngine engine = new();
        engine.Add(recording.Open());
        return OutputTests.Lines(OutputTests.Attribution(engine.Complete(), recording));
    }
}
