using System.Diagnostics;
using System.Globalization;
using VirtualServices.Discover.Recording;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Kernel.Tests;

/// <summary>Recordings of many processes, threads and connections lose nothing and mix nothing up.</summary>
public sealed class CrowdTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vs-crowd").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [RootFact]
    public void Ten_thousand_forks_are_recorded_with_what_each_child_did()
    {
        const int Count = 10_000;
        using Crowd crowd = new(Program(), "forks", Count);
        RecordResult result = Record("session", crowd.Go, crowd);
        Assert.Equal(0, result.Lost);
        List<SessionEvent> events = Recorded.Read(Path.Combine(_folder, "session"), out _);
        Assert.Equal(Count, events.Count(e => e.Call == CallKind.Fork && e.Pid == crowd.Pid));
        SessionEvent[] sent = [.. events.Where(e => e.Call == CallKind.Send && e.Result == 1)];
        Assert.Equal(events.Where(e => e.Call == CallKind.Fork).Select(e => e.ChildPid), sent.Select(e => e.Pid));
        Assert.Equal(sent.Select(e => e.Pid), events.Where(e => e.Call == CallKind.Exit).Select(e => e.Pid));
        Assert.Equal(Count + 1, result.Session.Processes.Count(process => process.Service == "crowd"));
        Assert.All(result.Session.Processes.Where(process => process.Pid != crowd.Pid), process => Assert.Equal((crowd.Pid, "crowd"), (process.ParentPid, Path.GetFileName(process.Exe))));
    }

    [RootFact]
    public void Five_thousand_threads_that_were_there_are_recorded_each()
    {
        const int Count = 5000;
        using Crowd crowd = new(Program(), "threads", Count);
        RecordResult result = Record("session", crowd.Go, crowd);
        Assert.Equal(0, result.Lost);
        SessionEvent[] sent = [.. Recorded.Read(Path.Combine(_folder, "session"), out _).Where(e => e.Call == CallKind.Send && e.Result == 1)];
        Assert.Equal((Count, Count), (sent.Length, sent.Select(e => e.Tid).Distinct().Count()));
        Assert.All(sent, e => Assert.Equal(crowd.Pid, e.Pid));
    }

    [RootFact]
    public void Twenty_thousand_connections_are_told_apart_and_found_by_a_recording_that_starts_later()
    {
        const int Each = 10_000; // a process has at most 20,000 descriptors where nobody may raise that
        string program = Program();
        using Crowd one = new(program, "connections", Each), other = new(program, "connections", Each);
        RecordResult result = Record("session", () => { one.Go(); other.Go(); }, one, other);
        Assert.Equal(0, result.Lost);
        Dictionary<ulong, SocketDescription> sockets = [];
        List<SessionEvent> events = Recorded.Read(Path.Combine(_folder, "session"), out _, sockets);
        SocketDescription[] accepted = Of(CallKind.Accept), connected = Of(CallKind.Connect);
        Assert.Equal(connected.Select(socket => (socket.Local, socket.Remote)).ToHashSet(), accepted.Select(socket => (socket.Remote, socket.Local)).ToHashSet());
        Assert.Equal((2 * Each, 2 * Each), (connected.DistinctBy(socket => socket.Id).Count(), accepted.DistinctBy(socket => socket.Id).Count()));
        Assert.Equal([one.Pid, other.Pid], accepted.Select(socket => socket.PeerPid).Distinct());

        RecordResult later = Record("later", () => { one.Go(); other.Go(); }, one, other);
        Assert.Equal(0, later.Lost);
        Dictionary<ulong, SocketRecord> existing = later.Session.Sockets.ToDictionary(socket => socket.Description.Id);
        foreach (SocketDescription socket in accepted) Assert.Equal((SocketRole.Server, socket.PeerPid), (existing[socket.Id].Description.Role, existing[socket.Id].Description.PeerPid));
        foreach (SocketDescription socket in connected) Assert.Equal(SocketRole.Client, existing[socket.Id].Description.Role);
        HashSet<ulong> closed = [.. Recorded.Read(Path.Combine(_folder, "later"), out _).Where(e => e.Call == CallKind.Close).Select(e => e.Socket)];
        Assert.Equal([], connected.Select(socket => socket.Id).Except(closed));

        SocketDescription[] Of(CallKind call)
        {
            SocketDescription[] described = [.. events.Where(e => e.Call == call && e.Result >= 0).Select(e => sockets[e.Socket])];
            Assert.Equal(2 * Each, described.Length);
            return described;
        }
    }

    private string Program() => TestProgram.Compile("crowd", _folder);

    private RecordResult Record(string name, Action work, params Crowd[] crowds)
    {
        string session = Path.Combine(_folder, name);
        long began = Stopwatch.GetTimestamp();
        TimeSpan start = default;
        RecordResult result = Recorded.While(new RecorderOptions(session, [new Service("crowd", [.. crowds.Select(crowd => new Selector(SelectorKind.Pid, $"{crowd.Pid}"))])]), () =>
        {
            start = Stopwatch.GetElapsedTime(began);
            work();
        });
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{name}: recording after {start.TotalSeconds:F2} s, ended after {Stopwatch.GetElapsedTime(began).TotalSeconds:F2} s; {result.Events} events, {result.Lost} lost, {result.Bytes} bytes; session.json {new FileInfo(Path.Combine(session, SessionJson.FileName)).Length} bytes"));
        return result;
    }
}
