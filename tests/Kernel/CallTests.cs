using VirtualServices.Discover.Recording;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Kernel.Tests;

/// <summary>Programs of our own make calls in a known order; what is recorded must be exactly that.</summary>
public sealed class CallTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vs-calls").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [RootFact]
    public void Every_call_is_recorded_once_with_its_result_and_socket()
    {
        string[] pipes =
        [
            "Create Pipe", "Create Pipe", "Send Pipe 3", "Receive Pipe 3",
            "Create Unix", "Create Unix", "Send Unix 7", "Receive Unix 7",
            "Send Unix 5", "Receive Unix 5", "Pass Pipe", "Close Pipe",
            "Create Eventfd", "Send Eventfd 8", "Receive Eventfd 8", "Close Eventfd",
            "Duplicate Pipe", "Duplicate Pipe", "Close Pipe", "Duplicate Pipe", "Duplicate Pipe",
            "Close Pipe", "Close Pipe", "Close Pipe", "Close Pipe", "Close Unix", "Close Unix",
        ];
        string[] datagrams =
        [
            "Create Udp", "Bind Udp", "Create Udp", "Send Udp 11 to server", "Receive Udp 11 from client", "Send Udp 12 to client", "Receive Udp 12",
            "Send Udp 21 to server", "Send Udp 22 to server", "Send Udp 23 to server",
            "Receive Udp 21 from client", "Receive Udp 22 from client", "Receive Udp 23 from client",
            "Send Udp 31 to server", "Receive Udp 31 from client", "Connect Udp 0", "Send Udp 41", "Close Udp", "Close Udp",
        ];
        string[] streams =
        [
            "Create Tcp", "Bind Tcp", "Listen Tcp", "Create Tcp", "Connect Tcp 0", "Accept Tcp", "Send Tcp 30", "Wait None 1", "Wait None 1", "Receive Tcp 30",
            "Send Tcp 4000", "Create Pipe", "Create Pipe", "Send Pipe 4000", "Receive Tcp 4000", "Send Tcp 4000", "Receive Pipe 4000", "Receive Tcp 4000",
            "Shutdown Tcp", "Receive Tcp 0", "Close Tcp", "Close Tcp", "Close Tcp", "Close Pipe", "Close Pipe",
        ];

        string program = TestProgram.Compile("calls", _folder), truth = Path.Combine(_folder, "truth");
        string session = Path.Combine(_folder, "session");
        RecordResult result = Recorder.Run(new RecorderOptions(session, []) { Command = ["/bin/sh", "-c", "exec \"$0\" > \"$1\"", program, truth] }, CancellationToken.None);
        Assert.Equal((0, 0), (result.CommandExitCode, result.Lost));
        List<SessionEvent> events = Recorded.Read(session, out SessionReader reader);

        // From the program's own exec on; the shell before it makes calls of its own.
        long started = events.Last(e => e.Call == CallKind.Exec).TimeNs;
        int[][] ports = [.. File.ReadAllLines(truth).Select(line => line.Split(' ').Select(int.Parse).ToArray())];
        string[] names = ["127.0.0.1", "[::1]"];
        Dictionary<string, string> parties = [];
        for (int i = 0; i < 2; i++)
        {
            parties[$"{names[i]}:{ports[i][0]}"] = "server";
            parties[$"{names[i]}:{ports[i][1]}"] = "client";
        }

        IEnumerable<string> said = events.Where(e => e.TimeNs > started && e.Call is not (CallKind.Describe or CallKind.Exit or CallKind.Exec)).OrderBy(e => e.TimeNs + e.DurationNs).Select(e =>
        {
            TransportProtocol protocol = Recorded.Protocol(reader, e.Socket);
            string peer = e.HasPeer ? $" {(e.Call == CallKind.Send ? "to" : "from")} {parties[e.Peer.ToString()]}" : "";
            bool counts = e.Call is CallKind.Send or CallKind.Receive or CallKind.Wait or CallKind.Connect;
            return $"{e.Call} {protocol}{(counts ? $" {e.Result}" : "")}{peer}";
        });
        Assert.Equal([.. pipes, .. datagrams, .. datagrams, .. streams], said);
        Assert.All(events, e => Assert.True(e.Tid == e.Pid && e.TimeNs >= result.Session.Clock.StartNs && e.TimeNs + e.DurationNs <= result.Session.Clock.EndNs));

        // Both UDP sockets are known by their addresses, though the asker never named its own.
        for (int i = 0; i < 2; i++)
            foreach (int port in ports[i]) Assert.Contains(reader.Descriptions, socket => socket.Protocol == TransportProtocol.Udp && socket.Local.Port == port);
    }

    [RootFact]
    public void Wake_ups_tell_who_woke_whom_and_how()
    {
        const int Times = 20;
        string session = Path.Combine(_folder, "session");
        RecordResult result = Recorder.Run(new RecorderOptions(session, []) { Command = [TestProgram.Compile("handoff", _folder)] }, CancellationToken.None);
        Assert.Equal((0, 0), (result.CommandExitCode, result.Lost));
        List<SessionEvent> events = Recorded.Read(session, out SessionReader reader);
        int main = events.Last(e => e.Call == CallKind.Exec).Tid;
        int[] workers = [.. events.Where(e => e.Call == CallKind.Fork && e.ChildPid == main).Select(e => e.Child)];
        Assert.Equal(3, workers.Length);

        WakeMeans[] means = [WakeMeans.Futex, WakeMeans.Eventfd, WakeMeans.Pipe];
        for (int i = 0; i < 3; i++)
        {
            SessionEvent[] woken = [.. events.Where(e => e.Call == CallKind.Wake && e.Child == workers[i])];
            // A worker that was late and found the work without sleeping was not woken: rare, as each time it has 3 ms. One that was woken by the condition may sleep again, for the mutex.
            Assert.InRange(woken.Count(e => e.Result == (int)means[i]), Times * 3 / 4, i == 0 ? 2 * Times : Times);
            Assert.All(woken, e => Assert.Equal((main, main), (e.Tid, e.ChildPid)));
            if (i > 0) Assert.All(woken.Where(e => e.Result == (int)means[i]), e => Assert.Equal(i == 1 ? TransportProtocol.Eventfd : TransportProtocol.Pipe, Recorded.Protocol(reader, e.Socket)));
        }

        // The end of a worker wakes the one who waits for it.
        int[] ended = [.. events.Where(e => e.Call == CallKind.Wake && e.Child == main && e.Result == (int)WakeMeans.Exit).Select(e => e.Tid)];
        Assert.Equal(workers, ended);
    }
}
