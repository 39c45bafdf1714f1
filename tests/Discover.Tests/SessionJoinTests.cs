using System.Net;
using VirtualServices.Discover.Joining;
using VirtualServices.Discover.Packets;
using VirtualServices.Discover.Sessions;
using VirtualServices.Linux.Files;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;
using static VirtualServices.Discover.Tests.CaptureFile;

namespace VirtualServices.Discover.Tests;

/// <summary>A front end on one host asks a database on another, whose clock and boot are others.</summary>
public sealed class SessionJoinTests : IDisposable
{
    private const string Client = "10.0.0.1:40000", Server = "10.0.0.2:5432";
    private const long FrontNs = 1_000_000_000_000, Distance = 5_000_000_000_000, DelayNs = 50_000, Utc = 1_700_000_000_000_000_000, Skew = 80_000_000; // the wall clocks are 80 ms apart
    private readonly string _folder = Directory.CreateTempSubdirectory("vs-join").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Work_is_followed_from_host_to_host_by_the_packets_that_both_saw()
    {
        string front = Front("front"), database = Database("database", firstSequence: 1000);
        JoinResult result = SessionJoin.Run([front, database], Path.Combine(_folder, "both"), null, CancellationToken.None);
        Assert.Equal((1, 0), (result.Proven, result.Apart));
        Assert.Equal([$"clock of {database} from packets that {front} saw, too, in 1 seconds"], result.Clocks);

        List<SessionEvent> events = Read("both", out SessionReader reader);
        Assert.Equal(
            [CallKind.Connect, CallKind.Accept, CallKind.Send, CallKind.Receive, CallKind.Send, CallKind.Receive],
            events.Where(e => e.Call != CallKind.Describe).Select(e => e.Call)); // by the wall clocks the answer would be there before the request
        Assert.All(events, e => Assert.InRange(e.TimeNs - FrontNs, 0, 100 * DelayNs));
        Assert.Equal(["db", "web"], reader.Info.Services.Select(service => service.Name).Order());

        // The same pids, cookies and inodes on both hosts.
        ProcessRecord[] processes = [.. reader.Info.Processes];
        Assert.Equal(2, processes.Select(process => process.Pid).Distinct().Count());
        Assert.Equal((10, "ha", 0), (processes[0].Pid, processes[0].Host, processes[0].HostPid));
        Assert.Equal(("hb", 10), (processes[1].Host, processes[1].HostPid));
        Assert.Equal(2, events.Where(e => e.Socket != 0).Select(e => e.Socket).Distinct().Count());
        Assert.All(events, e => Assert.Equal(e.Pid, e.Tid));
        Assert.Equal([("ha", Client, Server), ("hb", Server, Client)], reader.Descriptions.Select(one => (one.Host, one.Local.ToString(), one.Remote.ToString())).Order());
        Assert.All(reader.Descriptions, one => Assert.Equal($"{Client}-{Server}@ha", one.Connection));
        Assert.Equal(3, reader.Info.Counts.Single(count => count.Source == "ring").Lost);
    }

    [Fact]
    public void The_same_addresses_with_other_sequence_numbers_are_kept_apart()
    {
        JoinResult result = SessionJoin.Run([Front("front"), Database("database", firstSequence: 900_000)], Path.Combine(_folder, "both"), null, CancellationToken.None);
        Assert.Equal((0, 1), (result.Proven, result.Apart));
        Read("both", out SessionReader reader);
        AssertNotJoined(reader);
    }

    [Fact]
    public void Without_packets_the_wall_clocks_count_and_that_is_said()
    {
        string front = Front("front"), database = Database("database", 1000);
        File.Delete(Path.Combine(front, "packets.pcap"));
        JoinResult result = SessionJoin.Run([front, database], Path.Combine(_folder, "both"), null, CancellationToken.None);
        Assert.Equal((0, 0), (result.Proven, result.Apart));
        Assert.StartsWith($"clock of {database} from its wall clock, which may be off", Assert.Single(result.Clocks), StringComparison.Ordinal);
        Read("both", out SessionReader reader);
        AssertNotJoined(reader); // the addresses alone may be another connection's
    }

    [Fact]
    public void A_part_that_was_cut_is_named_and_the_joined_session_keeps_the_fact()
    {
        string front = Front("front"), database = Database("database", 1000), file = Path.Combine(database, "session.json");
        Assert.Empty(SessionJoin.Run([front, database], Path.Combine(_folder, "whole"), null, CancellationToken.None).Cut);
        Read("whole", out SessionReader reader);
        Assert.False(reader.Truncated);

        File.WriteAllText(file, File.ReadAllText(file).Replace("\"endedCleanly\": true", "\"endedCleanly\": false", StringComparison.Ordinal));
        Assert.Equal([database], SessionJoin.Run([front, database], Path.Combine(_folder, "both"), null, CancellationToken.None).Cut);
        Read("both", out reader);
        Assert.True(reader.Truncated);
        Assert.False(reader.Info.EndedCleanly);
    }

    [Fact]
    public void A_join_that_is_cancelled_ends_while_packets_are_read_and_leaves_nothing()
    {
        string front = Front("front"), database = Database("database", 1000);
        using (PcapWriter pcap = new(File.Create(Path.Combine(front, "packets.pcap")), PcapFormat.MostPacketBytes, ""))
        {
            for (int i = 0; i < 20_000; i++) pcap.Write(0, [0x45], 1);
            pcap.Flush();
        }

        File.WriteAllText(Path.Combine(database, "packets.pcap"), "no capture: nobody gets there");
        Assert.Throws<OperationCanceledException>(() => SessionJoin.Run([front, database], Path.Combine(_folder, "both"), null, new CancellationToken(canceled: true)));
        Assert.False(Directory.Exists(Path.Combine(_folder, "both")));
    }

    [Fact]
    public void Sessions_of_one_host_keep_ids_and_clock()
    {
        string front = Front("front"), database = Database("database", 1000, boot: "a", shift: 0, pid: 11, cookie: 78);
        JoinResult result = SessionJoin.Run([front, database], Path.Combine(_folder, "both"), null, CancellationToken.None);
        Assert.Equal($"{database} has the clock of {front}", Assert.Single(result.Clocks));
        List<SessionEvent> events = Read("both", out SessionReader reader);
        Assert.Equal([10, 11], events.Select(e => e.Pid).Distinct().Order());
        Assert.Equal([77UL, 78UL], reader.Descriptions.Select(description => description.Id).Order());
        Assert.All(reader.Descriptions, description => Assert.Empty(description.Host + description.Connection));
        Assert.Equal(("a", "ha"), (reader.Info.BootId, reader.Info.Host));
    }

    [Fact]
    public void What_cannot_be_joined_is_named()
    {
        string front = Front("front"), again = Database("again", 1000, boot: "a", shift: 0), sockets = Database("sockets", 1000, level: "sockets"), import = Database("import", 1000, source: "import-strace");
        Assert.Contains("process", Refused(front, again), StringComparison.Ordinal);
        Assert.StartsWith($"{again}/session.json: expected processes that no other session recorded: 10 (db)", Refused(front, again), StringComparison.Ordinal);
        Assert.StartsWith($"{sockets}/session.json: expected level syscalls", Refused(front, sockets), StringComparison.Ordinal);
        Assert.StartsWith($"{import}/session.json: expected a recording by vs record", Refused(front, import), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_folder, "both")));
        Assert.Equal(ExitCode.Usage, Assert.Throws<VsException>(() => SessionJoin.Run([front], Path.Combine(_folder, "both"), null, CancellationToken.None)).ExitCode);

        string Refused(params string[] folders)
        {
            VsException error = Assert.Throws<VsException>(() => SessionJoin.Run(folders, Path.Combine(_folder, "both"), null, CancellationToken.None));
            Assert.Equal(ExitCode.BadInput, error.ExitCode);
            return error.Message;
        }
    }

    // Request at 1 delay, captured at the database at 2, answer sent at 3, captured at the front end at 4.
    private string Front(string name) => Make(name, "ha", "a", "web", "record", "syscalls", FrontNs, Utc, 10, 77, SocketRole.Client, 1000,
        [(CallKind.Connect, 0), (CallKind.Send, 1), (CallKind.Receive, 4)], [(true, 1), (false, 4)]);

    private string Database(string name, uint firstSequence, string boot = "b", long shift = Distance, int pid = 10, ulong cookie = 77, string level = "syscalls", string source = "record") =>
        Make(name, boot == "a" ? "ha" : "hb", boot, "db", source, level, FrontNs + shift, Utc - shift - Skew, pid, cookie, SocketRole.Server, firstSequence,
            [(CallKind.Accept, 0), (CallKind.Receive, 2), (CallKind.Send, 3)], [(true, 2), (false, 3)]);

    private string Make(string name, string host, string boot, string service, string source, string level, long startNs, long utcOffset, int pid, ulong cookie, SocketRole role, uint sequence, (CallKind Call, int Step)[] calls, (bool Request, int Step)[] packets)
    {
        string path = Path.Combine(_folder, name);
        SessionInfo info = Sample.Info with
        {
            Id = name,
            Host = host,
            BootId = boot,
            Source = source,
            Level = level,
            Clock = new SessionClock("CLOCK_MONOTONIC", startNs, 0, utcOffset),
            Services = [new Service(service, [])],
            Processes = [new ProcessRecord(pid, 1, service, "", "", "", "", 0, 5, service)],
            Sockets = [],
            Counts = [new SourceCount("ring", 5, role == SocketRole.Client ? 1 : 2)],
        };
        using PrivateFolder folder = PrivateFolder.Create(path);
        using SessionWriter writer = new(folder, info);
        (Endpoint local, Endpoint remote) = role == SocketRole.Client ? (End(Client), End(Server)) : (End(Server), End(Client));
        SessionEvent first = new() { Call = CallKind.Describe, TimeNs = startNs, Pid = pid, Tid = pid, Fd = -1, Socket = cookie };
        writer.WriteDescription(in first, new SocketDescription(cookie, 4711, TransportProtocol.Tcp, role, local, remote, 0, 0, 4026531840));
        foreach ((CallKind call, int step) in calls)
        {
            SessionEvent e = first with { Call = call, TimeNs = startNs + (step * DelayNs), Result = call is CallKind.Send or CallKind.Receive ? 10 : 0 };
            writer.Write(in e);
        }

        writer.Complete(info with { EndedCleanly = true, Clock = info.Clock with { EndNs = startNs + 1_000_000_000 } });
        using PcapWriter pcap = new(folder.CreateFile("packets.pcap"), PcapFormat.MostPacketBytes, "");
        foreach ((bool request, int step) in packets)
        {
            byte[] packet = new CaptureFile(LinkRaw).Tcp(request ? Client : Server, request ? Server : Client, Ack, sequence, 10).Bytes[40..];
            pcap.Write(startNs + (step * DelayNs) + utcOffset, packet.AsSpan(0, 40), packet.Length);
        }

        pcap.Flush();
        return path;
    }

    private static void AssertNotJoined(SessionReader reader) =>
        Assert.Equal([("ha", "", Server), ("hb", "", Client)], reader.Descriptions.Select(one => (one.Host, one.Connection, one.Remote.ToString())).Order());

    private List<SessionEvent> Read(string name, out SessionReader reader)
    {
        reader = SessionReader.Open(Path.Combine(_folder, name));
        List<SessionEvent> events = [];
        SessionEvent[] buffer = new SessionEvent[64];
        for (int count; (count = reader.Read(buffer)) > 0;) events.AddRange(buffer.AsSpan(0, count));
        reader.Dispose();
        return events;
    }

    private static Endpoint End(string text) => IPEndPoint.Parse(text) is var end ? Endpoint.Inet(end.Address, end.Port) : Endpoint.None;
}
