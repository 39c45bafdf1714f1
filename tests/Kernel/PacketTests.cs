using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using SharpPcap;
using SharpPcap.LibPcap;
using VirtualServices.Discover.Import.Pcap;
using VirtualServices.Discover.Joining;
using VirtualServices.Discover.Packets;
using VirtualServices.Discover.Recording;
using VirtualServices.Discover.Recording.Packets;
using VirtualServices.Discover.Sessions;
using VirtualServices.Infer;
using VirtualServices.Linux.Network;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Kernel.Tests;

/// <summary>Packets beside events, on loopback and veth devices of network namespaces of our own.</summary>
public sealed class PacketTests : IDisposable
{
    private const int CallBytes = 100;
    private readonly string _folder = Directory.CreateTempSubdirectory("vs-packets").FullName;
    private readonly TestNetwork _network = new();

    public void Dispose()
    {
        _network.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [RootTheory]
    [InlineData("4", RecordLevel.Syscalls)]
    [InlineData("6", RecordLevel.Syscalls)]
    [InlineData("4", RecordLevel.Sockets)]
    public void Packets_of_the_recorded_service_are_there_without_what_they_carry_and_strangers_leave_nothing(string kind, RecordLevel level)
    {
        using EchoServer server = In(_network.Near, () => new EchoServer(Path.Combine(_folder, "server.sock")));
        using EchoServer stranger = In(_network.Near, () => new EchoServer(Path.Combine(_folder, "stranger.sock")));
        int port = kind == "4" ? server.Port4 : server.Port6;
        using EchoClient existing = In(_network.Near, () => new EchoClient(kind, $"{port}"));
        existing.Call(1);
        RecordResult result = Recorded.While(Options(server.Pid) with { Packets = [new PacketInterface("lo", _network.Near)], Level = level }, () =>
        {
            existing.Call(20);
            using EchoClient client = In(_network.Near, () => new EchoClient(kind, $"{port}"));
            client.Call(30);
            using EchoClient other = In(_network.Near, () => new EchoClient("4", $"{stranger.Port4}"));
            other.Call(50);
        });

        List<Seen> packets = Read();
        Assert.All(packets, packet => Assert.Contains(port, new[] { packet.From.Port, packet.To.Port }));
        Assert.Equal(50 * CallBytes, packets.Where(packet => packet.To.Port == port).Sum(packet => packet.Bytes));
        Assert.Equal(50 * CallBytes, packets.Where(packet => packet.From.Port == port).Sum(packet => packet.Bytes));
        Assert.Equal(2, packets.Count(packet => (packet.Flags & TcpFlags.Synchronise) != 0)); // of the new connection: from both sides
        Assert.Equal(-1, File.ReadAllBytes(PacketsPath).AsSpan().IndexOf("xxxxxxxx"u8));
        Assert.All(packets, packet => Assert.Equal(0, packet.Kept));

        Assert.Equal(packets.Count, result.Session.Counts.Single(count => count.Source == "pcap").Events);
        Assert.True(result.Session.Counts.Single(count => count.Source == "packets of sockets that are not recorded").Unused >= 100);
        PacketInterface lo = Assert.Single(result.Session.Packets!.Interfaces);
        Assert.Equal(("lo", _network.Near, 0L, ""), (lo.Name, lo.NetworkNamespace, lo.Dropped, lo.Failure));
        Assert.True(lo.Received >= packets.Count + 100);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(PacketsPath));
        Assert.Equal(packets.Count, Lines("tcpdump"));

        // As an import they tell the same traffic.
        PcapImport.Run([PacketsPath], Path.Combine(_folder, "imported"), null, CancellationToken.None);
        List<SessionEvent> imported = Recorded.Read(Path.Combine(_folder, "imported"), out _);
        foreach (CallKind call in new[] { CallKind.Receive, CallKind.Send }) Assert.Equal(2 * 50 * CallBytes, imported.Where(e => e.Call == call).Sum(e => e.Result)); // at both ends
        if (File.Exists("/usr/bin/tshark")) Assert.Equal(packets.Count, Lines("tshark"));
    }

    [RootFact]
    public void Times_of_packets_are_those_of_the_events_clock()
    {
        using EchoServer server = In(_network.Near, () => new EchoServer(Path.Combine(_folder, "server.sock")));
        RecordResult result = Recorded.While(Options(server.Pid) with { Packets = [new PacketInterface("lo", _network.Near)] }, () =>
        {
            using EchoClient client = In(_network.Near, () => new EchoClient("4", $"{server.Port4}"));
            client.Call(50);
        });

        // A request is captured before the server has received it; the answer after the server began to send it, and before it has sent it or the request was answered.
        List<SessionEvent> events = Recorded.Read(Session, out _);
        SessionEvent[] receives = [.. events.Where(e => e.Call == CallKind.Receive && e.Result == CallBytes)], sends = [.. events.Where(e => e.Call == CallKind.Send && e.Result == CallBytes)];
        long[] requests = Times(packet => packet.To.Port == server.Port4), answers = Times(packet => packet.From.Port == server.Port4);
        Assert.Equal((50, 50, 50, 50), (receives.Length, sends.Length, requests.Length, answers.Length));
        const long ClockError = 100_000; // of the distance between the two clocks, as it is measured
        for (int i = 0; i < 50; i++)
        {
            Assert.True(requests[i] <= receives[i].TimeNs + receives[i].DurationNs + ClockError);
            Assert.True(answers[i] >= sends[i].TimeNs - ClockError && answers[i] <= sends[i].TimeNs + sends[i].DurationNs + ClockError);
        }

        long[] Times(Func<Seen, bool> which) => [.. Read().Where(packet => packet.Bytes > 0 && which(packet)).Select(packet => packet.TimeNs - result.Session.Clock.UtcOffsetNs)];
    }

    [RootFact]
    public void Payload_is_kept_up_to_what_was_asked_for_on_another_kind_of_device_too()
    {
        using EchoServer server = In(_network.Near, () => new EchoServer(Path.Combine(_folder, "server.sock"), "10.99.0.1"));
        RecordResult result = Recorded.While(Options(server.Pid) with { Packets = [new PacketInterface(TestNetwork.Device, _network.Near)], PayloadBytes = 10 }, () =>
        {
            using Socket client = In(_network.Far, () => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
            client.Connect(new IPEndPoint(IPAddress.Parse("10.99.0.1"), server.Port4));
            client.Send(new byte[CallBytes]);
            byte[] answer = new byte[CallBytes];
            for (int got = 0; got < CallBytes;) got += client.Receive(answer.AsSpan(got));
        });
        List<Seen> packets = Read();
        Assert.Equal(["10.99.0.1", "10.99.0.2"], packets.Select(packet => packet.From.Address!.ToString()).Distinct().Order());
        Assert.Equal(2 * CallBytes, packets.Sum(packet => packet.Bytes));
        Assert.All(packets, packet => Assert.Equal(Math.Min(packet.Bytes, 10), packet.Kept));
        Assert.Equal(10, result.Session.Packets!.PayloadBytes);
    }

    [RootFact]
    public void A_killed_recorder_leaves_packets_that_can_be_read()
    {
        using EchoServer server = In(_network.Near, () => new EchoServer(Path.Combine(_folder, "server.sock")));
        using Process recorder = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "vs.dll"), "record", "-o", Session, "--service", $"echo=pid:{server.Pid}", "--packets", $"lo@{_network.Near}"]) { RedirectStandardError = true })!;
        Assert.StartsWith("recording to", recorder.StandardError.ReadLine(), StringComparison.Ordinal);
        using EchoClient client = In(_network.Near, () => new EchoClient("4", $"{server.Port4}"));
        client.Call(100);
        Wait.Until(() => Read().Sum(packet => packet.Bytes) == 200 * CallBytes, "the packets are in the file");
        recorder.Kill();
        recorder.WaitForExit();
        Assert.Equal(200 * CallBytes, Read().Sum(packet => packet.Bytes));
        Assert.Empty(SessionJson.Read(Path.Combine(Session, SessionJson.FileName)).Packets!.Interfaces[0].Failure);
    }

    [RootTheory]
    [InlineData("absent0", "", "--packets absent0: there is no such network interface; there are: ")]
    [InlineData("lo", "vs-absent", "--packets lo@vs-absent: there is no network namespace 'vs-absent' here")]
    public void What_is_not_there_is_named_and_leaves_no_folder(string name, string space, string expected)
    {
        using EchoServer server = new(Path.Combine(_folder, "server.sock"));
        VsException error = Assert.Throws<VsException>(() => Recorder.Run(Options(server.Pid) with { Packets = [new PacketInterface(name, space)] }, CancellationToken.None));
        Assert.Equal(ExitCode.HostLacks, error.ExitCode);
        Assert.StartsWith(expected, error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Session));
    }

    [RootFact]
    public void An_interface_that_goes_away_ends_its_packets_and_the_session_says_so()
    {
        using EchoServer server = In(_network.Near, () => new EchoServer(Path.Combine(_folder, "server.sock")));
        List<string> warnings = [];
        RecordResult result = Recorded.While(Options(server.Pid) with { Packets = [new PacketInterface(TestNetwork.Device, _network.Near), new PacketInterface("lo", _network.Near)], Warn = warnings.Add }, () =>
        {
            TestNetwork.Ip($"-n {_network.Near} link del {TestNetwork.Device}");
            Wait.Until(() => warnings.Count > 0, "the recorder says so");
            using EchoClient client = In(_network.Near, () => new EchoClient("4", $"{server.Port4}"));
            client.Call(5);
        });
        Assert.StartsWith($"packets of {TestNetwork.Device}@{_network.Near} are not captured any more: ", Assert.Single(warnings), StringComparison.Ordinal);
        Assert.NotEmpty(result.Session.Packets!.Interfaces[0].Failure);
        Assert.Empty(result.Session.Packets!.Interfaces[1].Failure);
        Assert.Equal(10 * CallBytes, Read().Sum(packet => packet.Bytes));
    }

    [RootFact]
    public void Sessions_of_two_hosts_are_joined_by_the_packets_that_both_saw()
    {
        using EchoServer server = In(_network.Far, () => new EchoServer(Path.Combine(_folder, "server.sock"), "10.99.0.2"));
        using EchoClient client = In(_network.Near, () => new EchoClient("4", $"{server.Port4}", "10.99.0.2"));
        string near = Path.Combine(_folder, "near"), far = Path.Combine(_folder, "far");
        Recorded.While(new RecorderOptions(near, [Recorded.Pid("client", client.Pid)]) { Packets = [new PacketInterface(TestNetwork.Device, _network.Near)] }, () =>
            Recorded.While(new RecorderOptions(far, [Recorded.Pid("echo", server.Pid)]) { Packets = [new PacketInterface("far0", _network.Far)] }, () => client.Call(20)));
        JoinResult result = SessionJoin.Run([near, far], Session, null, CancellationToken.None);
        Assert.Equal((1, 0), (result.Proven, result.Apart));
        List<SessionEvent> events = Recorded.Read(Session, out SessionReader reader);
        foreach (int pid in new[] { client.Pid, server.Pid })
            Assert.Equal(20, events.Count(e => e.Call == CallKind.Receive && e.Result == CallBytes && reader.Info.Processes.Any(process => process.Pid == e.Pid && (process.Pid == pid || process.ParentPid == pid))));

        // Each host knows the other end of its own only; together the server's requests have a requester.
        Assert.Contains("requester", Proposed(Session), StringComparison.Ordinal);
        Assert.DoesNotContain("requester", Proposed(far), StringComparison.Ordinal);

        static string Proposed(string session)
        {
            InferenceEngine engine = new();
            using SessionReader reader = SessionReader.Open(session);
            engine.Add(reader);
            return string.Join('\n', engine.Complete().Rules.Gates.Select(gate => gate.Classify.ToString().ToLowerInvariant()));
        }
    }

    [RootFact]
    public void What_large_packets_carry_stays_in_the_kernel()
    {
        // Whole they would be 48 MB, as loopback shows each going out and coming in; the ring has 16.
        const int Sent = 400, Bytes = 60_000;
        using CaptureDevice device = Assert.Single(CaptureDevice.Open([new PacketInterface("lo", _network.Near)], 0));
        using Socket receiver = In(_network.Near, () => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        receiver.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using Socket sender = In(_network.Near, () => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        for (int i = 0; i < Sent; i++) sender.SendTo(new byte[Bytes], receiver.LocalEndPoint!);
        int read = 0;
        Wait.Until(
            () =>
            {
                while (device.TryRead(out CapturedPacket packet))
                {
                    Assert.InRange(packet.Data.Length, 1, 256);
                    Assert.InRange(packet.WireBytes, Bytes, Bytes + 100);
                    read++;
                }

                return read == Sent;
            },
            "all are captured");
        device.ReadStatistics();
        Assert.Equal(0, device.State.Dropped);
    }

    [RootFact]
    public void What_the_kernel_drops_is_counted()
    {
        IPEndPoint target = new(IPAddress.Parse("10.99.0.2"), 9999);
        using CaptureDevice device = Assert.Single(CaptureDevice.Open([new PacketInterface(TestNetwork.Device, _network.Near)], 0, kernelBufferBytes: 1 << 20));
        using Socket sender = In(_network.Near, () => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        using Socket receiver = In(_network.Far, () => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        receiver.Bind(target); // else each datagram would be answered that nobody is there
        int read = 0;
        sender.SendTo(new byte[CallBytes], target); // finds the neighbour
        Wait.Until(() => Datagrams() == 1, "the first datagram is captured");
        int sent = 1;
        Wait.Until(
            () =>
            {
                for (int i = 0; i < 10_000; i++, sent++) sender.SendTo(new byte[CallBytes], target);
                device.ReadStatistics();
                return device.State.Dropped > 0;
            },
            "the ring is full");
        for (long began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(1);) Datagrams();
        device.ReadStatistics();
        Assert.InRange(read + device.State.Dropped, sent, sent + 50); // neighbours find each other meanwhile

        int Datagrams()
        {
            while (device.TryRead(out CapturedPacket packet))
                if (PacketHeaders.Read(device.Link, packet.Data, packet.WireBytes, out PacketHeaders headers) == PacketUse.Usable && headers.Protocol == TransportProtocol.Udp) read++;
            return read;
        }
    }

    private string Session => Path.Combine(_folder, "session");

    private string PacketsPath => Path.Combine(Session, SessionReader.PacketsFileName);

    private RecorderOptions Options(int pid) => new(Session, [Recorded.Pid("echo", pid)]);

    // What is started or opened there stays there.
    private static T In<T>(string name, Func<T> make)
    {
        using NetworkNamespace space = NetworkNamespace.TryOpen(name)!;
        return space.Run(make);
    }

    private int Lines(string tool)
    {
        using Process process = PostgresServer.Start(tool, "-n", "-r", PacketsPath);
        int lines = process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Length;
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return lines;
    }

    private List<Seen> Read()
    {
        using CaptureFileReaderDevice file = new(PacketsPath);
        file.Open(new DeviceConfiguration { TimestampResolution = TimestampResolution.Nanosecond });
        List<Seen> packets = [];
        while (CapturedPacket.Read(file, out CapturedPacket packet) == 1)
        {
            Assert.Equal(PacketUse.Usable, PacketHeaders.Read((LinkType)file.LinkType, packet.Data, packet.WireBytes, out PacketHeaders headers));
            packets.Add(new Seen(packet.TimeNs, headers.From.ToEndpoint(), headers.To.ToEndpoint(), headers.Flags, headers.PayloadBytes, packet.Data.Length - headers.PayloadOffset));
        }

        return packets;
    }

    private sealed record Seen(long TimeNs, Endpoint From, Endpoint To, TcpFlags Flags, int Bytes, int Kept);
}
