using CsCheck;
using PacketDotNet;
using VirtualServices.Discover.Packets;
using VirtualServices.Model;
using static VirtualServices.Discover.Tests.CaptureFile;

namespace VirtualServices.Discover.Tests;

public sealed class PacketHeadersTests
{
    private const int FirstPacket = 40; // behind the headers of file and packet

    [Theory]
    [InlineData(LinkNull, false, 4)]
    [InlineData(LinkEthernet, false, 14)]
    [InlineData(LinkEthernet, true, 18)]
    [InlineData(LinkSll, false, 16)]
    [InlineData(LinkSll2, false, 20)]
    [InlineData((int)LinkType.Raw, false, 0)]
    public void Headers_are_found_behind_every_link(int link, bool vlan, int ip)
    {
        byte[] packet = new CaptureFile(link).Tcp("10.0.0.1:40000", "10.0.0.2:5432", Syn | Ack, 4_000_000_000, 100, vlan: vlan).Bytes[FirstPacket..];
        Assert.Equal(PacketUse.Usable, PacketHeaders.Read((LinkType)link, packet, packet.Length, out PacketHeaders headers));
        Assert.Equal((TransportProtocol.Tcp, "10.0.0.1:40000", "10.0.0.2:5432"), (headers.Protocol, headers.From.ToEndpoint().ToString(), headers.To.ToEndpoint().ToString()));
        Assert.Equal((4_000_000_000, 100, ip, ip + 40), (headers.Sequence, headers.PayloadBytes, headers.IpOffset, headers.PayloadOffset));
        Assert.True(headers.Has(TcpFlags.Synchronise) && headers.Has(TcpFlags.Acknowledge) && !headers.Has(TcpFlags.Finish));

        // Every cut within the headers is told, and one behind them does not matter.
        for (int length = 0; length < packet.Length; length++)
            Assert.Equal(length < ip + 40 ? PacketUse.Cut : PacketUse.Usable, PacketHeaders.Read((LinkType)link, packet.AsSpan(0, length), packet.Length, out _));
    }

    [Fact]
    public void Addresses_of_version_6_and_datagrams_are_read()
    {
        byte[] packet = new CaptureFile(LinkEthernet).Udp("[fd00::1]:53", "[fd00::2]:40000", new byte[30]).Bytes[FirstPacket..];
        Assert.Equal(PacketUse.Usable, PacketHeaders.Read(LinkType.Ethernet, packet, packet.Length, out PacketHeaders headers));
        Assert.Equal((TransportProtocol.Udp, "[fd00::1]:53", "[fd00::2]:40000", 30, 62), (headers.Protocol, headers.From.ToEndpoint().ToString(), headers.To.ToEndpoint().ToString(), headers.PayloadBytes, headers.PayloadOffset));
    }

    [Theory]
    [InlineData("60 00000000 0000000000", nameof(PacketUse.Cut))] // IPv6 that ends within its header
    [InlineData("45 00 0028 0000 2000 40 06 0000 0a000001 0a000002 0001 0002 00000001 00000000 50 10 0000 00000000", nameof(PacketUse.Usable))] // the first fragment has the header
    [InlineData("45 00 0028 0000 0001 40 06 0000 0a000001 0a000002 0001 0002 00000001 00000000 50 10 0000 00000000", nameof(PacketUse.Fragment))]
    [InlineData("45 00 0028 0000 0000 40 01 0000 0a000001 0a000002 0001 0002 00000001 00000000 50 10 0000 00000000", nameof(PacketUse.OtherProtocol))]
    [InlineData("45 00 0040 0000 0000 40 06 0000 0a000001 0a000002 0001 0002 00000001 00000000 a0 10 0000 00000000", nameof(PacketUse.Cut))] // within the options of TCP
    [InlineData("44 00 0028 0000 0000 40 06 0000 0a000001 0a000002 0001 0002 00000001 00000000 50 10 0000 00000000", nameof(PacketUse.Broken))] // an IP header below 20 bytes
    [InlineData("45 00 0010 0000 0000 40 06 0000 0a000001 0a000002 0001 0002 00000001 00000000 50 10 0000 00000000", nameof(PacketUse.Broken))] // shorter than its header
    [InlineData("45 00 0028 0000 0000 40 06 0000 0a000001 0a000002 0001 0002 00000001 00000000 40 10 0000 00000000", nameof(PacketUse.Broken))] // a TCP header below 20 bytes
    [InlineData("45 00 0028 0000 0000 40 06 0000 0a000001 0a000002 0001 0002 00000001 00000000 60 10 0000 00000000", nameof(PacketUse.Broken))] // longer than the packet
    [InlineData("45 00 001c 0000 0000 40 11 0000 0a000001 0a000002 0001 0002 0007 0000", nameof(PacketUse.Broken))] // a datagram below 8 bytes
    [InlineData("45 00 001c 0000 0000 40 11 0000 0a000001 0a000002 0001 0002 0009 0000 61", nameof(PacketUse.Broken))] // a datagram longer than the packet
    [InlineData("45 00 001c 0000 2000 40 11 0000 0a000001 0a000002 0001 0002 0009 0000 61", nameof(PacketUse.Usable))] // more fragments follow
    [InlineData("60 000000 0008 11 40 00000000000000000000000000000001 00000000000000000000000000000002 0001 0002 0009 0000", nameof(PacketUse.Broken))]
    [InlineData("60 000000 0010 2c 40 00000000000000000000000000000001 00000000000000000000000000000002 11 00 0001 00000000 0001 0002 0009 0000", nameof(PacketUse.Usable))]
    [InlineData("05 00 001c", nameof(PacketUse.NotIp))]
    public void What_cannot_be_used_says_why(string bytes, string expected)
    {
        byte[] packet = Convert.FromHexString(bytes.Replace(" ", "", StringComparison.Ordinal));
        Assert.Equal(expected, PacketHeaders.Read(LinkType.Raw, packet, packet.Length, out _).ToString());
    }

    [Theory]
    [InlineData("06 00 0000 00000000", nameof(PacketUse.Usable))] // an atomic fragment: whole
    [InlineData("06 00 0010 00000000", nameof(PacketUse.Fragment))]
    public void Extension_headers_are_skipped(string fragment, string expected)
    {
        string text = "60000000 0028 00 40" + new string('0', 30) + "01" + new string('0', 30) + "02" // IPv6: 40 bytes, hop by hop first
            + "2c 00 000000000000" + fragment // hop by hop, fragment, then TCP
            + "00500051 00000001 00000002 5010 0000 00000000" + "61626364";
        byte[] packet = Convert.FromHexString(text.Replace(" ", "", StringComparison.Ordinal));
        Assert.Equal(expected, PacketHeaders.Read(LinkType.Raw, packet, packet.Length, out PacketHeaders headers).ToString());
        if (expected == nameof(PacketUse.Usable)) Assert.Equal((4, packet.Length - 4), (headers.PayloadBytes, headers.PayloadOffset));
    }

    [Fact]
    public void Length_0_of_an_offloaded_packet_is_that_on_the_wire()
    {
        byte[] packet = new CaptureFile(LinkEthernet).Tcp("10.0.0.1:1", "10.0.0.2:2", Ack, 1, 100).Bytes[FirstPacket..];
        packet[16] = packet[17] = 0;
        Assert.Equal(PacketUse.Usable, PacketHeaders.Read(LinkType.Ethernet, packet.AsSpan(0, 60), 100_054, out PacketHeaders headers));
        Assert.Equal(100_000, headers.PayloadBytes);
    }

    [Fact]
    public void It_says_what_PacketDotNet_says() => (from six in Gen.Bool from tcp in Gen.Bool from port in Gen.UShort from to in Gen.UShort from bytes in Gen.Int[0, 1000] from sequence in Gen.UInt from flags in Gen.Byte select (six, tcp, port, to, bytes, sequence, flags)).Sample(
        one =>
        {
            (string source, string target) = one.six ? ($"[fd00::1]:{one.port}", $"[fd00:1::2]:{one.to}") : ($"10.0.0.1:{one.port}", $"10.1.0.2:{one.to}");
            CaptureFile file = new(LinkEthernet);
            byte[] bytes = (one.tcp ? file.Tcp(source, target, one.flags, one.sequence, one.bytes) : file.Udp(source, target, new byte[one.bytes])).Bytes[FirstPacket..];
            Assert.Equal(PacketUse.Usable, PacketHeaders.Read(LinkType.Ethernet, bytes, bytes.Length, out PacketHeaders ours));
            Packet theirs = Packet.ParsePacket(LinkLayers.Ethernet, bytes);
            IPPacket ip = theirs.Extract<IPPacket>();
            Assert.Equal((Endpoint.Inet(ip.SourceAddress, one.port), Endpoint.Inet(ip.DestinationAddress, one.to)), (ours.From.ToEndpoint(), ours.To.ToEndpoint()));
            TransportPacket transport = theirs.Extract<TransportPacket>();
            Assert.Equal(transport.TotalPacketLength - transport.HeaderData.Length, ours.PayloadBytes);
            if (transport is TcpPacket tcp) Assert.Equal((tcp.SequenceNumber, (byte)tcp.Flags), (ours.Sequence, one.flags));
        },
        iter: 300);

    [Fact]
    public void Any_bytes_end_within_what_was_captured()
    {
        LinkType[] links = Enum.GetValues<LinkType>();
        byte[][] starts = [[], [0x45], [0x60], [.. new byte[12], 8, 0, 0x46], [.. new byte[12], 0x86, 0xdd, 0x60], [.. new byte[12], 0x81, 0], [0x60, 0, 0, 0, 0, 80, 0]];
        (from link in Gen.Int[0, links.Length - 1] from start in Gen.Int[0, starts.Length - 1] from rest in Gen.Byte.Array[0, 200] from wire in Gen.Int[0, 70_000] select (link, start, rest, wire)).Sample(
            one =>
            {
                byte[] bytes = [.. starts[one.start], .. one.rest];
                if (PacketHeaders.Read(links[one.link], bytes, one.wire, out PacketHeaders headers) != PacketUse.Usable) return;
                Assert.InRange(headers.PayloadOffset, headers.IpOffset + 28, bytes.Length);
                Assert.InRange(headers.PayloadBytes, 0, Math.Max(one.wire, 65_535));
            },
            iter: 20_000);
    }
}
