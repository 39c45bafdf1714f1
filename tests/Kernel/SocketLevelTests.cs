using VirtualServices.Discover.Recording;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Kernel.Tests;

/// <summary>Level sockets: what sockets tell must be what the programs did, less what the level cannot see.</summary>
public sealed class SocketLevelTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vs-sockets").FullName;

    private string Session => Path.Combine(_folder, "session");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [RootFact]
    public void Every_transfer_is_recorded_once_with_its_result_and_socket()
    {
        // Pairs of unix sockets come from no listener, and closes of unix sockets are not seen.
        string[] pipes = ["Send Unix 7", "Receive Unix 7", "Send Unix 5", "Receive Unix 5"];
        string[] datagrams =
        [
            "Send Udp 11 to server", "Receive Udp 11 from client", "Send Udp 12 to client", "Receive Udp 12",
            "Send Udp 21 to server", "Send Udp 22 to server", "Send Udp 23 to server",
            "Receive Udp 21 from client", "Receive Udp 22 from client", "Receive Udp 23 from client",
            "Send Udp 31 to server", "Receive Udp 31 from client", "Connect Udp 0", "Send Udp 41", "Close Udp", "Close Udp",
        ];
        // sendfile and the splice into a socket are sends; the splice out of one is not seen, nor the close of the listener.
        string[] streams = ["Listen Tcp", "Connect Tcp 0", "Send Tcp 30", "Accept Tcp", "Receive Tcp 30", "Send Tcp 4000", "Send Tcp 4000", "Receive Tcp 4000", "Receive Tcp 0", "Close Tcp", "Close Tcp"];

        string program = TestProgram.Compile("calls", _folder), truth = Path.Combine(_folder, "truth");
        List<string> warnings = [];
        RecordResult result = Recorder.Run(new RecorderOptions(Session, []) { Level = RecordLevel.Sockets, Warn = warnings.Add, Command = ["/bin/sh", "-c", "exec \"$0\" > \"$1\"", program, truth] }, CancellationToken.None);
        Assert.SkipWhen(warnings.Count > 0, string.Join(' ', warnings));
        Assert.Equal((0, 0), (result.CommandExitCode, result.Lost));
        Assert.Equal("sockets", result.Session.Level);
        List<SessionEvent> events = Recorded.Read(Session, out SessionReader reader);

        long started = events.Last(e => e.Call == CallKind.Exec).TimeNs;
        Dictionary<string, string> parties = Parties(File.ReadAllLines(truth));
        SessionEvent[] calls = [.. events.Where(e => e.TimeNs > started && e.Call is not (CallKind.Describe or CallKind.Exit))];
        Assert.Equal([.. pipes, .. datagrams, .. datagrams, .. streams], calls.Select(e => Say(e, reader, parties)));
        Assert.All(calls, e => Assert.True(e.Fd == -1 && e.Tid == e.Pid));
    }

    [RootFact]
    public void Echoes_are_recorded_with_both_ends_also_of_connections_that_were_there_and_strangers_leave_nothing()
    {
        using EchoServer server = new(Path.Combine(_folder, "server.sock"));
        using EchoServer stranger = new(Path.Combine(_folder, "stranger.sock"));
        (string Kind, string Where)[] places = [("4", $"{server.Port4}"), ("6", $"{server.Port6}"), ("unix", server.UnixPath)];
        List<EchoClient> existing = [.. places.Select(place => new EchoClient(place.Kind, place.Where))];
        foreach (EchoClient client in existing) client.Call(1);
        Dictionary<int, string> kinds = [];
        RecordResult result = Recorded.While(new RecorderOptions(Session, [Recorded.Pid("echo", server.Pid)]) { Level = RecordLevel.Sockets }, () =>
        {
            List<EchoClient> clients = [.. places.Select(place => new EchoClient(place.Kind, place.Where))];
            for (int i = 0; i < clients.Count; i++) kinds[clients[i].Pid] = places[i].Kind;
            foreach (EchoClient client in clients) client.Call(10);
            foreach (EchoClient client in existing) client.Call(20);
            using (EchoClient other = new("4", $"{stranger.Port4}")) other.Call(50);
            using (EchoClient other = new("unix", stranger.UnixPath)) other.Call(50);
            foreach (EchoClient client in existing.Concat(clients)) client.Dispose();
            Wait.Until(() => File.ReadAllText($"/proc/{server.Pid}/task/{server.Pid}/children").Length == 0, "all backends have ended");
        });

        Assert.Equal(0, result.Lost);
        List<SessionEvent> events = Recorded.Read(Session, out SessionReader reader);
        HashSet<int> ours = [.. result.Session.Processes.Where(process => process.Service == "echo").Select(process => process.Pid)];
        Assert.Equal(7, ours.Count);
        Assert.All(events, e => Assert.Contains(e.Pid, ours));
        Assert.Equal((3, 6), (events.Count(e => e.Call == CallKind.Fork), events.Count(e => e.Call == CallKind.Exit)));
        Assert.DoesNotContain(events, e => e.Call == CallKind.Connect);

        // New connections: accepted where they are first used, each known by its client.
        Assert.Equal(3, events.Count(e => e.Call == CallKind.Accept));
        foreach (SessionEvent accept in events.Where(e => e.Call == CallKind.Accept))
        {
            SocketDescription socket = Assert.Single(reader.Descriptions, description => description.Id == accept.Socket);
            Assert.Equal(SocketRole.Server, socket.Role);
            Assert.True(kinds.Remove(socket.PeerPid, out string? kind));
            Assert.Equal(kind switch { "4" => $"127.0.0.1:{server.Port4}", "6" => $"[::1]:{server.Port6}", _ => server.UnixPath }, socket.Local.ToString());
            Traffic(events, accept.Socket, 10);
        }

        // Those that were there carry the ids of the inventory.
        SocketRecord[] before = [.. result.Session.Sockets.Where(socket => socket.Description.Role == SocketRole.Server)];
        Assert.Equal(existing.Select(client => client.Pid).Order(), before.Select(socket => socket.Description.PeerPid).Order());
        foreach (SocketRecord socket in before) Traffic(events, socket.Description.Id, 20);
    }

    [RootTheory]
    [InlineData("inline")]
    [InlineData("async")]
    public void Transfers_by_a_ring_are_recorded_at_both_ends(string how)
    {
        string program = TestProgram.Compile("ring", _folder);
        using Actor server = Actor.Compiled(program, "server", how);
        using Actor early = Actor.Compiled(program, "client", server.Where, how);
        early.Ask(3);
        int late = 0;
        RecordResult result = Recorded.While(new RecorderOptions(Session, [Recorded.Pid("back", server.Pid), Recorded.Pid("front", early.Pid)]) { Level = RecordLevel.Sockets }, () =>
        {
            early.Ask(7);
            using Actor client = Actor.Compiled(program, "client", server.Where, how);
            late = client.Pid;
            client.Ask(9);
        });

        Assert.Equal(0, result.Lost);
        List<SessionEvent> events = Recorded.Read(Session, out SessionReader reader);
        SessionEvent accept = Assert.Single(events, e => e.Call == CallKind.Accept);
        Assert.Equal(late, Assert.Single(reader.Descriptions, description => description.Id == accept.Socket).PeerPid);
        foreach (CallKind kind in new[] { CallKind.Receive, CallKind.Send })
        {
            Assert.Equal((16, 7), (events.Count(e => e.Call == kind && e.Pid == server.Pid && e.Result > 0), events.Count(e => e.Call == kind && e.Pid == early.Pid && e.Result > 0)));
            Assert.Equal(9, events.Count(e => e.Call == kind && e.Socket == accept.Socket && e.Result > 0));
        }

        Assert.Equal(how == "async", events.Any(e => e.Call == CallKind.Receive && e.Tid != e.Pid));
    }

    [RootFact]
    public void Workers_that_a_ring_makes_while_it_is_recorded_are_recorded()
    {
        string program = TestProgram.Compile("ring", _folder);
        using Actor server = Actor.Compiled(program, "server", "async");
        string[] client = ["/bin/sh", "-c", $"echo 9 0 | {program} client {server.Where} async"];
        RecordResult result = Recorder.Run(new RecorderOptions(Session, []) { Level = RecordLevel.Sockets, Command = client }, CancellationToken.None);
        Assert.Equal((0, 0), (result.CommandExitCode, result.Lost));
        List<SessionEvent> events = Recorded.Read(Session, out _);
        Assert.Equal((1, 9, 9), (events.Count(e => e.Call == CallKind.Connect), events.Count(e => e.Call == CallKind.Receive), events.Count(e => e.Call == CallKind.Send)));
    }

    [RootFact]
    public void A_connect_is_told_with_its_time_also_where_nobody_listens()
    {
        using EchoServer server = new(Path.Combine(_folder, "server.sock"));
        string script = $"use Socket; for my $port ({server.Port4}, 1) {{ socket(my $s, AF_INET, SOCK_STREAM, 0); connect($s, pack_sockaddr_in($port, inet_aton('127.0.0.1'))) or next; syswrite($s, 'x' x 7); sysread($s, my $b, 7); close($s) }} socket(my $u, AF_UNIX, SOCK_STREAM, 0); connect($u, pack_sockaddr_un('{server.UnixPath}')) or die; syswrite($u, 'x' x 8)";
        RecordResult result = Recorder.Run(new RecorderOptions(Session, []) { Level = RecordLevel.Sockets, Command = ["perl", "-e", script] }, CancellationToken.None);
        Assert.Equal((0, 0), (result.CommandExitCode, result.Lost));
        List<SessionEvent> events = Recorded.Read(Session, out SessionReader reader);
        const int Refused = -111;
        SessionEvent[] connects = [.. events.Where(e => e.Call == CallKind.Connect)];
        Assert.Equal([0, Refused, 0], connects.Select(e => e.Result));
        Assert.True(connects[0].DurationNs > 0);
        SocketDescription tcp = reader.Descriptions.Last(description => description.Id == connects[0].Socket), unix = reader.Descriptions.Last(description => description.Id == connects[2].Socket);
        Assert.Equal((SocketRole.Client, server.Port4), (tcp.Role, tcp.Remote.Port));
        Assert.Equal((SocketRole.Client, server.UnixPath), (unix.Role, unix.Remote.ToString()));
        Assert.Equal([(CallKind.Connect, 0), (CallKind.Send, 7), (CallKind.Receive, 7), (CallKind.Close, 0)], events.Where(e => e.Socket == tcp.Id && e.Call != CallKind.Describe).Select(e => (e.Call, e.Result)));
    }

    [RootFact]
    public void A_full_ring_loses_events_that_are_counted()
    {
        string script = "socketpair(my $a, my $b, 1, 1, 0); for (1 .. 300000) { syswrite($a, 'x'); sysread($b, my $c, 1); }";
        RecordResult result = Recorder.Run(new RecorderOptions(Session, []) { Level = RecordLevel.Sockets, Command = ["perl", "-e", script], RingBytes = 4096 }, CancellationToken.None);
        Assert.True(result.Lost > 0);
        List<SessionEvent> events = Recorded.Read(Session, out SessionReader reader);
        Assert.Equal(result.Lost, reader.Lost);
        Assert.InRange(events.Count + result.Lost, 600_000, 600_100);
    }

    private static void Traffic(List<SessionEvent> events, ulong socket, int calls)
    {
        IEnumerable<SessionEvent> own = events.Where(e => e.Socket == socket && e.Call is CallKind.Receive or CallKind.Send);
        (CallKind, int)[] expected = [.. Enumerable.Range(0, calls).SelectMany(_ => new[] { (CallKind.Receive, 100), (CallKind.Send, 100) }), (CallKind.Receive, 0)];
        Assert.Equal(expected, own.Where(e => e.Socket == socket).Select(e => (e.Call, e.Result)));
    }

    private static Dictionary<string, string> Parties(string[] truth)
    {
        Dictionary<string, string> parties = [];
        string[] names = ["127.0.0.1", "[::1]"];
        for (int i = 0; i < names.Length; i++)
        {
            string[] ports = truth[i].Split(' ');
            parties[$"{names[i]}:{ports[0]}"] = "server";
            parties[$"{names[i]}:{ports[1]}"] = "client";
        }

        return parties;
    }

    private static string Say(SessionEvent e, SessionReader reader, Dictionary<string, string> parties)
    {
        string peer = e.HasPeer ? $" {(e.Call == CallKind.Send ? "to" : "from")} {parties[e.Peer.ToString()]}" : "";
        return $"{e.Call} {Recorded.Protocol(reader, e.Socket)}{(e.Call is CallKind.Send or CallKind.Receive or CallKind.Connect ? $" {e.Result}" : "")}{peer}";
    }
}
