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
    public void A_connection_is_told_at_both_ends_whatever_carried_it(int link, bool vlan)
    {
        using Imported session = Read(Dialogue(new CaptureFile(link), vlan));
        CallKind[] expected = [CallKind.Connect, CallKind.Accept, CallKind.Send, CallKind.Receive, CallKind.Send, CallKind.Receive, CallKind.Close, CallKind.Close];
        Assert.Equal(expected.Order(), session.Events.Where(e => e.Call != CallKind.Describe).Select(e => e.Call).Order());
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
        Assert.Contains(session.Result.Unused, count => count is { Unused: 2, Source: "packets that were sent again" });
        Assert.Contains(session.Result.Unused, count => count is { Unused: 100, Source: "bytes of TCP connections that the capture does not hold" });
    }

    [Fact]
    public void Ports_that_are_used_again_are_another_connection_and_a_late_start_is_told_by_who_was_asked_before()
    {
        CaptureFile file = new CaptureFile(LinkEthernet).Tcp("10.0.0.2:5432", "10.0.0.9:41000", Ack, 5, 10); // before any handshake: the lower port is the server
        Dialogue(Dialogue(file, false, close: false), false);
        using Imported session = Read(file);
        Assert.Equal(2, session.Count(CallKind.Accept));
        Assert.Equal(6, session.Sockets.Count);
        Assert.All(session.Sockets.Values, socket => Assert.Equal(socket.Role == SocketRole.Server, socket.Local.Port == 5432));
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
        CaptureFile file = new CaptureFile(LinkEthernet).Udp("10.0.0.1:50000", "10.0.0.3:53", new byte[20]).Udp("10.0.0.3:53", "10.0.0.1:50000", answer);
        using Imported session = Read(Dialogue(file, false));
        Assert.Equal(["10.0.0.1", "10.0.0.3-53", "db.test-5432"], session.Info.Services.Select(service => service.Name));
        Assert.Equal([SocketRole.Client, SocketRole.Server], session.Sockets.Values.Where(socket => socket.Protocol == TransportProtocol.Udp).Select(socket => socket.Role).Order().Reverse());
    }

    [Fact]
    public void A_cut_capture_gives_what_came_before_the_cut()
    {
        byte[] whole = Dialogue(new CaptureFile(LinkEthernet), false).Bytes;
        using Imported session = Read(whole[..^30]);
        Assert.Equal(2, session.Moved(CallKind.Receive));
        Assert.Contains(session.Result.Unused, count => count.Source == "captures that end within a packet");
    }

    [Fact]
    public void A_file_of_something_else_is_refused()
    {
        VsException error = Assert.Throws<VsException>(() => Read("hello world, this is no capture at all"u8.ToArray()));
        Assert.Equal(ExitCode.BadInput, error.ExitCode);
        Assert.Contains("expected a capture", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_change_of_a_capture_gives_a_session_or_one_error_with_exit_code_3() =>
        Fuzz.Change(Dialogue(new CaptureFile(LinkSll), false).Udp("[::1]:50000", "[::1]:53", new byte[40]).Bytes, 400, bytes => Read(bytes).Dispose());

    private static CaptureFile Dialogue(CaptureFile file, bool vlan, bool close = true)
    {
        file.Tcp(Client, Server, Syn, 1000, 0, vlan: vlan).Tcp(Server, Client, Syn | Ack, 5000, 0, vlan: vlan).Tcp(Client, Server, Ack, 1001, 0, vlan: vlan);
        file.Tcp(Client, Server, Ack, 1001, 100, vlan: vlan).Tcp(Server, Client, Ack, 5001, 3000, kept: 20, vlan: vlan);
        return close ? file.Tcp(Client, Server, Fin | Ack, 1101, 0, vlan: vlan).Tcp(Server, Client, Fin | Ack, 8001, 0, vlan: vlan) : file;
    }

    private Imported Read(CaptureFile file) => Read(file.Bytes);

    private Imported Read(byte[] bytes)
    {
        string path = Path.Combine(_folder, "packets.pcap");
        File.WriteAllBytes(path, bytes);
        return Imported.Pcap(path);
    }
}
