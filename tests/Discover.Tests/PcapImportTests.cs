using VirtualServices.Discover.Import.Pcap;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;
using static VirtualServices.Discover.Tests.CaptureFile;

namespace VirtualServices.Discover.Tests;

public sealed class PcapImportTests : IDisposable
{
    private const string Client = "10.0.0.1:40000", Server = "10.0.0.2:5432";
    private readonly string _folder = Directory.CreateTempSubdirectory("vs-pcap").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(LinkNull, false)]
    [InlineData(LinkEthernet, false)]
    [InlineData(LinkEthernet, true)]
    [InlineData(LinkSll, false)]
    [InlineData(LinkSll2, false)]
    [InlineData(LinkRaw, false)]
    public void A_connection_is_told_at_both_ends_whatever_carried_it(int link, bool vlan)
    {
        using Imported session = Read(Dialogue(new CaptureFile(link), vlan));
        Assert.Equal(
            [CallKind.Connect, CallKind.Accept, CallKind.Send, CallKind.Receive, CallKind.Send, CallKind.Receive, CallKind.Close, CallKind.Close],
            session.Events.Where(e => e.Call != CallKind.Describe).Select(e => e.Call));
        Assert.Equal([100, 100, 3000, 3000], session.Events.Where(e => e.Call is CallKind.Send or CallKind.Receive).Select(e => e.Result));
        Assert.Equal([(SocketRole.Server, Server, Client), (SocketRole.Client, Client, Server)], session.Sockets.Values.Select(s => (s.Role, s.Local.ToString(), s.Remote.ToString())).Order());
        Assert.Equal(["10.0.0.1", "10.0.0.2-5432"], session.Info.Services.Select(service => service.Name));
        Assert.Equal(1_700_000_000_000_000_001, session.Info.Clock.StartNs); // to the nanosecond
        Assert.Empty(session.Result.Unused);
    }

    [Fact]
    public void Bytes_that_are_sent_again_or_overtake_each_other_count_once()
    {
        CaptureFile file = new CaptureFile(LinkEthernet).Tcp(Client, Server, Syn, uint.MaxValue - 5, 0).Tcp(Server, Client, Syn | Ack, 7, 0);
        file.Tcp(Client, Server, Ack, uint.MaxValue - 4, 10);  // the numbers wrap within it
        file.Tcp(Client, Server, Ack, 15, 10);                 // overtook the next one
        file.Tcp(Client, Server, Ack, 5, 10);
        file.Tcp(Client, Server, Ack, 5, 20);                  // both again
        file.Tcp(Client, Server, Ack, 20, 10);                 // five of them again
        file.Tcp(Client, Server, Ack, 130, 1);                 // a hundred bytes were not captured
        using Imported session = Read(file);
        Assert.Equal(36, session.Events.Where(e => e.Call == CallKind.Receive).Sum(e => e.Result));
        Assert.Equal(2, Unused(session, "TCP packets that were sent again, or captured twice"));
        Assert.Equal(100, Unused(session, "bytes of TCP connections that the capture does not hold"));
    }

    [Fact]
    public void Ports_that_are_used_again_are_another_connection_and_a_late_start_is_told_by_who_answers()
    {
        CaptureFile file = new CaptureFile(LinkEthernet).Tcp("10.0.0.2:5432", "10.0.0.9:41000", Ack, 5, 10); // before any handshake
        Dialogue(Dialogue(file, false, close: false), false, first: 700_000);
        using Imported session = Read(file);
        Assert.Equal(2, session.Count(CallKind.Accept));
        Assert.Equal(6, session.Sockets.Count);
        Assert.All(session.Sockets.Values, socket => Assert.Equal(socket.Role == SocketRole.Server, socket.Local.Port == 5432));
        Assert.Equal(1, Unused(session, "TCP connections of which one direction only was captured"));
    }

    [Fact]
    public void A_handshake_that_is_sent_again_is_no_other_connection()
    {
        CaptureFile file = new CaptureFile(LinkEthernet).Tcp(Client, Server, Syn, 1000, 0).Tcp(Server, Client, Syn | Ack, 5000, 0); // this answer gets lost behind us
        using Imported session = Read(Dialogue(file, false));
        Assert.Equal((1, 1, 2), (session.Count(CallKind.Connect), session.Count(CallKind.Accept), session.Sockets.Count));
        Assert.Equal(2, session.Count(CallKind.Close));
    }

    [Fact]
    public void Who_answers_at_a_high_port_is_the_server_from_the_first_packet_on_although_the_handshake_comes_later()
    {
        const string High = "10.0.0.2:50000", Low = "10.0.0.1:1024";
        CaptureFile file = new CaptureFile(LinkEthernet).Tcp(Low, High, Ack, 5, 10).Tcp("10.0.0.3:40000", High, Syn, 5, 0).Tcp(High, "10.0.0.3:40000", Syn | Ack, 5, 0);
        using Imported session = Read(file);
        Assert.All(session.Sockets.Values, socket => Assert.Equal(socket.Role == SocketRole.Server, socket.Local.Port == 50000));
    }

    [Fact]
    public void What_asks_from_a_host_that_answers_at_one_port_is_the_same_service()
    {
        CaptureFile file = Dialogue(new CaptureFile(LinkEthernet), false);
        Handshake(file, "10.0.0.2:41000", "10.0.0.3:6379").Tcp("10.0.0.2:41000", "10.0.0.3:6379", Ack, 1, 5); // asks one itself
        Handshake(file, "10.0.0.3:42000", "10.0.0.4:80");
        Handshake(file, Client, "10.0.0.3:443");                                                             // answers at two ports
        using Imported session = Read(file);
        Assert.Equal(["10.0.0.1", "10.0.0.2-5432", "10.0.0.3", "10.0.0.3-443", "10.0.0.3-6379", "10.0.0.4-80"], session.Info.Services.Select(service => service.Name));
        ulong asking = session.Sockets.Single(socket => socket.Value.Local.ToString() == "10.0.0.2:41000").Key;
        int pid = session.Info.Processes.Single(process => process.Service == "10.0.0.2-5432").Pid;
        Assert.All(session.Events.Where(e => e.Socket == asking), e => Assert.Equal(pid, e.Pid));
        Assert.All(session.Events, e => Assert.Equal(0, e.Tid));
    }

    [Fact]
    public void A_connection_that_nobody_answers_is_no_accept()
    {
        using Imported session = Read(new CaptureFile(LinkEthernet).Tcp(Client, Server, Syn, 1, 0).Tcp(Client, Server, Syn, 1, 0).Tcp(Server, Client, Rst | Ack, 0, 0));
        Assert.Equal([CallKind.Connect, CallKind.Close], session.Events.Where(e => e.Call != CallKind.Describe).Select(e => e.Call));
    }

    [Fact]
    public void Answers_of_name_servers_name_the_hosts()
    {
        byte[] answer =
        [
            0, 1, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0, 2, (byte)'D', (byte)'b', 4, (byte)'t', (byte)'e', (byte)'s', (byte)'t', 0, 0, 1, 0, 1,
            0xC0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 4, 1, (byte)'x', 0xC0, 15,
            1, (byte)'x', 0xC0, 15, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 0, 0, 2,
        ];
        CaptureFile file = Dialogue(new CaptureFile(LinkEthernet), false).Udp("10.0.0.1:50000", "10.0.0.3:53", new byte[20]).Udp("10.0.0.3:53", "10.0.0.1:50000", answer);
        using Imported session = Read(file);
        Assert.Equal(["10.0.0.1", "10.0.0.3-53", "db.test-5432"], session.Info.Services.Select(service => service.Name));
        Assert.Equal([SocketRole.Client, SocketRole.Server], session.Sockets.Values.Where(socket => socket.Protocol == TransportProtocol.Udp).Select(socket => socket.Role).Order().Reverse());
    }

    [Fact]
    public void Files_are_merged_by_time_and_what_both_have_counts_once()
    {
        byte[] whole = Dialogue(new CaptureFile(LinkEthernet), false).Bytes;
        string one = Put("b.pcap", whole), two = Put("a.pcap", whole);
        using Imported session = Imported.Pcap(one, two);
        Assert.Equal(2, session.Moved(CallKind.Receive));
        Assert.Equal(2, Unused(session, "TCP packets that were sent again, or captured twice"));

        // The second half of a capture may be named first.
        const int Half = 24 + (4 * (16 + 54)) + 100; // handshake and request
        using Imported halves = Imported.Pcap(Put("later.pcap", [.. whole[..24], .. whole[Half..]]), Put("earlier.pcap", whole[..Half]));
        Assert.Equal([CallKind.Connect, CallKind.Accept, CallKind.Send, CallKind.Receive, CallKind.Send, CallKind.Receive, CallKind.Close, CallKind.Close], halves.Events.Where(e => e.Call != CallKind.Describe).Select(e => e.Call));
    }

    [Fact]
    public void A_cut_capture_gives_what_came_before_the_cut()
    {
        byte[] whole = Dialogue(new CaptureFile(LinkEthernet), false).Bytes;
        using Imported session = Read(whole[..^30]);
        Assert.Equal(2, session.Moved(CallKind.Receive));
        Assert.Equal(1, Unused(session, "captures that end within a packet"));
    }

    [Fact]
    public void Pcapng_is_read_too()
    {
        using Imported session = Read(Pcapng(Dialogue(new CaptureFile(LinkEthernet), false).Bytes));
        Assert.Equal(2, session.Moved(CallKind.Receive));
        Assert.Equal(1_700_000_000_000_000_001, session.Info.Clock.StartNs);
    }

    [Theory]
    [InlineData("hello world, this is no capture at all", "expected a capture (pcap or pcapng)")]
    [InlineData("\u001f\u008b compressed", "gunzip it first")]
    [InlineData("", "expected a capture (pcap or pcapng)")]
    public void A_file_of_something_else_is_refused(string text, string expected)
    {
        VsException error = Assert.Throws<VsException>(() => Read([.. text.Select(c => (byte)c)]));
        Assert.Equal(ExitCode.BadInput, error.ExitCode);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_packet_that_cannot_be_is_named_by_its_number()
    {
        byte[] bytes = Dialogue(new CaptureFile(LinkEthernet), false).Bytes;
        bytes[24 + 70 + 8 + 3] = 0x7f; // the length of the second packet
        VsException error = Assert.Throws<VsException>(() => Read(bytes));
        Assert.Equal(ExitCode.BadInput, error.ExitCode);
        Assert.StartsWith($"{Path.Combine(_folder, "packets.pcap")}: packet 2: expected a packet", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_change_of_a_capture_gives_a_session_or_one_error_with_exit_code_3()
    {
        byte[] good = Dialogue(new CaptureFile(LinkSll), false).Udp("[::1]:50000", "[::1]:53", new byte[40]).Bytes;
        Fuzz.Change(good, 300, bytes => Read(bytes).Dispose());
        Fuzz.Change(Pcapng(good), 300, bytes => Read(bytes).Dispose());
    }

    [Fact]
    public void More_connections_than_are_followed_are_counted_and_memory_is_bounded()
    {
        const int Connections = FlowTable.Most + 1000;
        CaptureFile file = new(LinkRaw);
        for (int i = 0; i < Connections; i++) file.Tcp($"10.1.{i >> 14}.9:{(i & 0x3fff) + 40_000}", Server, Syn, 1, 0);
        file.Tcp("10.1.0.9:40000", Server, Ack, 2, 5); // given up long ago
        using Imported session = Read(file);
        Assert.Equal(1000, Unused(session, "connections that were given up, too many at a time"));
        Assert.Equal(1000, session.Count(CallKind.Close));
    }

    [Fact]
    public void More_hosts_than_are_told_apart_are_one()
    {
        CaptureFile file = new(LinkRaw);
        for (int i = 0; i < PacketTrace.MostServices + 100; i++) file.Tcp($"10.{i >> 16}.{(i >> 8) & 255}.{i & 255}:40000", "192.168.0.1:80", Syn, 1, 0);
        using Imported session = Read(file);
        Assert.Equal(PacketTrace.MostServices, session.Info.Services.Count);
        Assert.Contains(session.Info.Services, service => service.Name == "others");
        Assert.Equal(101, Unused(session, "sides of connections that are not told apart, too many services and hosts"));
    }

    private static long Unused(Imported session, string reason) => session.Result.Unused.Where(count => count.Source == reason).Sum(count => count.Unused);

    private static CaptureFile Dialogue(CaptureFile file, bool vlan, bool close = true, uint first = 1000)
    {
        file.Tcp(Client, Server, Syn, first, 0, vlan: vlan).Tcp(Server, Client, Syn | Ack, 5000, 0, vlan: vlan).Tcp(Client, Server, Ack, first + 1, 0, vlan: vlan);
        file.Tcp(Client, Server, Ack, first + 1, 100, vlan: vlan).Tcp(Server, Client, Ack, 5001, 3000, kept: 20, vlan: vlan);
        return close ? file.Tcp(Client, Server, Fin | Ack, first + 101, 0, vlan: vlan).Tcp(Server, Client, Fin | Ack, 8001, 0, vlan: vlan) : file;
    }

    private static CaptureFile Handshake(CaptureFile file, string client, string server) => file.Tcp(client, server, Syn, 0, 0).Tcp(server, client, Syn | Ack, 0, 0);

    private Imported Read(CaptureFile file) => Read(file.Bytes);

    private Imported Read(byte[] bytes) => Imported.Pcap(Put("packets.pcap", bytes));

    private string Put(string name, byte[] bytes)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
