using PacketDotNet;
using VirtualServices.Model;

namespace VirtualServices.Discover.Import.Pcap;

/// <summary>What of a packet matters: ends, flags, sequence numbers, and the payload's length on the wire, which the capture may have cut.</summary>
internal readonly ref struct Segment
{
    private const int UdpHeaderBytes = 8;

    internal TransportProtocol Protocol { get; private init; }

    internal Endpoint From { get; private init; }

    internal Endpoint To { get; private init; }

    internal bool Synchronise { get; private init; }

    internal bool Acknowledge { get; private init; }

    internal bool Finish { get; private init; }

    internal bool Reset { get; private init; }

    /// <summary>TCP: number of the first byte.</summary>
    internal uint Sequence { get; private init; }

    /// <summary>Payload on the wire, bytes.</summary>
    internal int Bytes { get; private init; }

    /// <summary>What the capture has of it.</summary>
    internal ReadOnlySpan<byte> Payload { get; private init; }

    /// <summary>Reads a packet.</summary>
    /// <returns>Null, or why the packet cannot be used.</returns>
    internal static string? TryRead(LinkLayers link, ReadOnlySpan<byte> data, out Segment segment)
    {
        segment = default;
        try
        {
            Packet packet = Packet.ParsePacket(link, data.ToArray());
            if (packet.Extract<IPPacket>() is not { } ip) return "packets that are not IP";
            if (ip is IPv4Packet { FragmentOffset: > 0 } || (ip is IPv6Packet six && six.ExtensionHeaders.OfType<IPv6FragmentationExtensionHeader>().Any())) return "fragments of IP packets";
            if (ip.Extract<TcpPacket>() is { } tcp)
            {
                int header = tcp.DataOffset * 4;
                segment = new Segment
                {
                    Protocol = TransportProtocol.Tcp,
                    From = Endpoint.Inet(ip.SourceAddress, tcp.SourcePort),
                    To = Endpoint.Inet(ip.DestinationAddress, tcp.DestinationPort),
                    Synchronise = tcp.Synchronize,
                    Acknowledge = tcp.Acknowledgment,
                    Finish = tcp.Finished,
                    Reset = tcp.Reset,
                    Sequence = tcp.SequenceNumber,
                    Bytes = Math.Max(TransportBytes(ip, data.Length) - header, 0),
                };
                return null;
            }

            if (ip.Extract<UdpPacket>() is { } udp)
            {
                segment = new Segment
                {
                    Protocol = TransportProtocol.Udp,
                    From = Endpoint.Inet(ip.SourceAddress, udp.SourcePort),
                    To = Endpoint.Inet(ip.DestinationAddress, udp.DestinationPort),
                    Bytes = Math.Max(udp.Length - UdpHeaderBytes, 0),
                    Payload = udp.PayloadData,
                };
                return null;
            }

            return "IP packets that are neither TCP nor UDP";
        }
        catch (Exception error) when (error is ArgumentException or InvalidOperationException or IndexOutOfRangeException or OverflowException or NotImplementedException or NotSupportedException or NullReferenceException or InvalidCastException or FormatException)
        {
            // PacketDotNet says in many ways that a header is not whole.
            return "packets whose headers are cut or broken";
        }
    }

    /// <summary>Bytes behind the IP header. A capture before segmentation offload may say 0; then the captured length counts.</summary>
    private static int TransportBytes(IPPacket ip, int captured)
    {
        if (ip is IPv4Packet four) return four.TotalLength == 0 ? captured : four.TotalLength - (four.HeaderLength * 4);
        return ip.PayloadLength - (ip is IPv6Packet six ? six.ExtensionHeadersLength : 0);
    }
}
