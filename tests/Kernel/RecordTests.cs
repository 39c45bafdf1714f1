using System.Diagnostics;
using VirtualServices.Discover.Recording;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Kernel.Tests;

public sealed class RecordTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vs-record").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [RootFact]
    public void Counts_are_exactly_what_the_clients_know_and_strangers_leave_nothing()
    {
        using EchoServer server = new(Path.Combine(_folder, "server.sock"));
        using EchoServer stranger = new(Path.Combine(_folder, "stranger.sock"));
        EchoClient existing = new("4", $"{server.Port4}");
        existing.Call(1); // so that it is accepted, and its backend waits inside a read when recording starts
        List<EchoClient> clients = [];
        Dictionary<int, string> kinds = [];

        RecordResult result = Recorded.While(new RecorderOptions(Path.Combine(_folder, "session"), [Recorded.Pid("echo", server.Pid)]), () =>
        {
            existing.Call(20);
            foreach ((string kind, string where) in new[] { ("4", $"{server.Port4}"), ("6", $"{server.Port6}"), ("unix", server.UnixPath) })
            {
                clients.Add(new EchoClient(kind, where));
                kinds[clients[^1].Pid] = kind;
                clients[^1].Call(10);
            }

            using EchoClient other = new("4", $"{stranger.Port4}");
            other.Call(50);
            foreach (EchoClient client in clients) client.Dispose();
            existing.Dispose();
            Wait.Until(() => File.ReadAllText($"/proc/{server.Pid}/task/{server.Pid}/children").Length == 0, "all backends have ended");
        });

        Assert.Equal(0, result.Lost);
        Assert.True(result.Session.EndedCleanly);
        List<SessionEvent> events = Read("session", out SessionReader reader);
        Assert.False(reader.Truncated);

        // Only the server and what it forked.
        HashSet<int> ours = [.. result.Session.Processes.Where(process => process.Service == "echo").Select(process => process.Pid)];
        Assert.Equal(5, ours.Count);
        Assert.All(events, e => Assert.Contains(e.Pid, ours));
        Assert.Equal(3, events.Count(e => e.Call == CallKind.Fork));
        Assert.Equal(4, events.Count(e => e.Call == CallKind.Exit));
        Assert.Equal(3, events.Count(e => e.Call == CallKind.Accept && e.Result >= 0));

        // The new connections, each known by its client.
        foreach (SessionEvent accept in events.Where(e => e.Call == CallKind.Accept))
        {
            SocketDescription socket = Assert.Single(reader.Descriptions, description => description.Id == accept.Socket);
            Assert.Equal(SocketRole.Server, socket.Role);
            string kind = kinds[socket.PeerPid];
            Assert.True(kinds.Remove(socket.PeerPid));
            Assert.Equal(kind switch { "4" => $"127.0.0.1:{server.Port4}", "6" => $"[::1]:{server.Port6}", _ => server.UnixPath }, socket.Local.ToString());
            Assert.Contains(result.Session.Processes, process => process.Pid == socket.PeerPid && process.Service.Length == 0);
            if (kind == "unix") Assert.NotEqual(0UL, socket.PeerInode);
            else Assert.NotEqual(Endpoint.None, socket.Remote);

            SessionEvent fork = Assert.Single(events, e => e.Call == CallKind.Fork && e.TimeNs > accept.TimeNs && events.Any(r => r.Pid == e.ChildPid && r.Socket == accept.Socket));
            CheckTraffic(events, accept.Socket, fork.ChildPid, 10);
            Assert.Contains(events, e => e.Call == CallKind.Close && e.Socket == accept.Socket && e.Pid == server.Pid);
        }

        // The connection that was there, with the read that was under way.
        SocketRecord before = Assert.Single(result.Session.Sockets, socket => socket.Description.Role == SocketRole.Server);
        Assert.Equal(existing.Pid, before.Description.PeerPid);
        CheckTraffic(events, before.Description.Id, before.Holders.Single().Pid, 20);
        Assert.Equal(3, result.Session.Sockets.Count(socket => socket.Description.Role == SocketRole.Listener));

        // CPU time of a thread never goes back, and grows.
        foreach (IGrouping<int, SessionEvent> thread in events.Where(e => e.CpuNs > 0).GroupBy(e => e.Tid))
            Assert.Equal(thread.Select(e => e.CpuNs).Order(), thread.Select(e => e.CpuNs));
    }

    [RootFact]
    public void A_killed_recorder_leaves_a_session_that_says_so()
    {
        using EchoServer server = new(Path.Combine(_folder, "server.sock"));
        string session = Path.Combine(_folder, "session");
        using Process recorder = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "vs.dll"), "record", "-o", session, "--service", $"echo=pid:{server.Pid}"]) { RedirectStandardError = true })!;
        Assert.StartsWith("recording to", recorder.StandardError.ReadLine(), StringComparison.Ordinal);
        using EchoClient client = new("4", $"{server.Port4}");
        client.Call(100);
        Wait.Until(() => new FileInfo(Path.Combine(session, "events.nettrace")).Length > 3000, "events are in the file");
        // What was written 200 ms ago is there, whatever happens.
        Thread.Sleep(300);
        recorder.Kill();
        recorder.WaitForExit();

        List<SessionEvent> events = Read("session", out SessionReader reader);
        Assert.True(reader.Truncated);
        Assert.False(reader.Info.EndedCleanly);
        Assert.Equal(100, events.Count(e => e.Call == CallKind.Receive && e.Result == 100));
        Assert.NotEmpty(reader.Info.Processes);
    }

    [RootFact]
    public void A_command_is_recorded_from_its_first_call()
    {
        using EchoServer server = new(Path.Combine(_folder, "server.sock"));
        string script = $"use Socket; socket(my $s, AF_INET, SOCK_STREAM, 0); connect($s, pack_sockaddr_in({server.Port4}, inet_aton('127.0.0.1'))); syswrite($s, 'x' x 7); sysread($s, my $b, 7); exit 3";
        RecordResult result = Recorder.Run(new RecorderOptions(Path.Combine(_folder, "session"), []) { Command = ["perl", "-e", script] }, CancellationToken.None);
        Assert.Equal(3, result.CommandExitCode);
        Assert.Equal("perl", Assert.Single(result.Session.Services).Name);
        List<SessionEvent> events = Read("session", out SessionReader reader);
        Assert.Single(events, e => e.Call == CallKind.Exec);
        SessionEvent connect = Assert.Single(events, e => e.Call == CallKind.Connect && e.Result == 0);
        SocketDescription socket = reader.Descriptions.Last(description => description.Id == connect.Socket);
        Assert.Equal((SocketRole.Client, server.Port4), (socket.Role, socket.Remote.Port));
        Assert.Equal([7, 7], events.Where(e => e.Socket == connect.Socket && e.Call is CallKind.Send or CallKind.Receive && e.Result == 7).Select(e => e.Result));
    }

    [RootFact]
    public void A_full_ring_loses_events_that_are_counted_in_the_session_and_seen_in_the_file()
    {
        string script = "socketpair(my $a, my $b, 1, 1, 0); for (1 .. 300000) { syswrite($a, 'x'); sysread($b, my $c, 1); }";
        RecordResult result = Recorder.Run(new RecorderOptions(Path.Combine(_folder, "session"), []) { Command = ["perl", "-e", script], RingBytes = 4096 }, CancellationToken.None);
        Assert.True(result.Lost > 0);
        List<SessionEvent> events = Read("session", out SessionReader reader);
        Assert.Equal(result.Lost, reader.Lost);
        Assert.True(events.Count + result.Lost >= 600_000);
        Assert.Equal(result.Lost, reader.Info.Counts.Single(count => count.Source == "ring").Lost);
    }

    [RootFact]
    public void A_selector_that_chooses_nothing_is_named_and_leaves_no_folder()
    {
        string session = Path.Combine(_folder, "session");
        VsException error = Assert.Throws<VsException>(() => Recorder.Run(new RecorderOptions(session, [new Service("x", [new Selector(SelectorKind.Exe, "/no/such/program")])]), CancellationToken.None));
        Assert.Equal(ExitCode.BadInput, error.ExitCode);
        Assert.Contains("exe:/no/such/program", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(session));
    }

    private static void CheckTraffic(List<SessionEvent> events, ulong socket, int pid, int calls)
    {
        SessionEvent[] own = [.. events.Where(e => e.Socket == socket && e.Pid == pid)];
        Assert.Equal(calls, own.Count(e => e.Call == CallKind.Receive && e.Result == 100));
        Assert.Equal(calls, own.Count(e => e.Call == CallKind.Send && e.Result == 100));
        Assert.Single(own, e => e.Call == CallKind.Receive && e.Result == 0);
    }

    private List<SessionEvent> Read(string name, out SessionReader reader) => Recorded.Read(Path.Combine(_folder, name), out reader);
}
