using VirtualServices.Discover.Recording;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Kernel.Tests;

public sealed class SocketLevelTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vs-sockets").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [RootFact]
    public void Connections_are_recorded_from_the_first_byte_to_the_close()
    {
        using EchoServer server = new(Path.Combine(_folder, "server.sock"));
        using EchoServer stranger = new(Path.Combine(_folder, "stranger.sock"));
        string session = Path.Combine(_folder, "session");
        Dictionary<string, int> clients = [];
        RecordResult result = Recorded.While(new RecorderOptions(session, [Recorded.Pid("echo", server.Pid)]) { Level = RecordLevel.Sockets }, () =>
        {
            foreach ((string kind, string where) in new[] { ("4", $"{server.Port4}"), ("6", $"{server.Port6}"), ("unix", server.UnixPath) })
            {
                using EchoClient client = new(kind, where);
                clients[kind] = client.Pid;
                client.Call(10);
            }

            using EchoClient other = new("4", $"{stranger.Port4}");
            other.Call(50);
            Wait.Until(() => File.ReadAllText($"/proc/{server.Pid}/task/{server.Pid}/children").Length == 0, "all backends have ended");
        });

        Assert.Equal(0, result.Lost);
        Assert.Equal("sockets", result.Session.Level);
        List<SessionEvent> events = Recorded.Read(session, out SessionReader reader);
        HashSet<int> ours = [.. result.Session.Processes.Where(process => process.Service == "echo").Select(process => process.Pid)];
        Assert.All(events, e => Assert.Contains(e.Pid, ours));
        foreach ((string kind, int client) in clients)
        {
            SocketDescription socket = Assert.Single(reader.Descriptions, description => description.PeerPid == client);
            Assert.Equal(SocketRole.Server, socket.Role);
            SessionEvent[] own = [.. events.Where(e => e.Socket == socket.Id && e.Call != CallKind.Describe)];
            Assert.Equal(10, own.Count(e => e is { Call: CallKind.Receive, Result: 100 }));
            Assert.Equal(10, own.Count(e => e is { Call: CallKind.Send, Result: 100 }));
            Assert.Single(own, e => e is { Call: CallKind.Receive, Result: 0 });
            if (kind == "unix") continue; // a unix socket has no states to watch
            Assert.Equal(CallKind.Accept, own[0].Call);
            Assert.Equal(CallKind.Close, own[^1].Call);
        }
    }
}
