using System.Buffers.Binary;
using VirtualServices.Model;

namespace VirtualServices.Discover.Packets;

/// <summary>What the headers of a TCP or UDP packet say. Read without allocation, and never beyond what was captured.</summary>
internal readonly struct PacketHeaders
{
    private const byte Tcp = 6, Udp = 17, HopByHop = 0, Routing = 43, FragmentHeader = 44, Authentication = 51, DestinationOptions = 60;
    private const ushort MoreFragments4 = 0x2000, MoreFragments6 = 1;
    private const int TcpBytes = 20, UdpBytes = 8, Ip4Bytes = 20, Ip6Bytes = 40;

    internal TransportProtocol Protocol { get; init; }

    internal PacketEnd From { get; init; }

    internal PacketEnd To { get; init; }

    /// <summary>Where the IP header begins in what was captured.</summary>
    internal int IpOffset { get; init; }

    /// <summary>Where the payload begins in what was captured; all before it are headers.</summary>
    internal int PayloadOffset { get; init; }

    /// <summary>Payload on the wire, whether captured or not.</summary>
    internal int PayloadBytes { get; init; }

    /// <summary>TCP: number of the first byte.</summary>
    internal uint Sequence { get; init; }

    internal TcpFlags Flags { get; init; }

    internal bool Has(TcpFlags flag) => (Flags & flag) != 0;

    /// <summary>Reads the headers of a packet.</summary>
    /// <param name="link">What the packet begins with.</param>
    /// <param name="data">What was captured.</param>
    /// <param name="wireBytes">Its length on the wire.</param>
    /// <param name="headers">The headers, where the result is <see cref="PacketUse.Usable"/>.</param>
    internal static PacketUse Read(LinkType link, ReadOnlySpan<byte> data, int wireBytes, out PacketHeaders headers)
    {
        headers = default;
        PacketUse use = LinkHeader.Skip(link, data, out int ip);
        if (use != PacketUse.Usable) return use;
        if (data.Length <= ip) return PacketUse.Cut;
        return (data[ip] >> 4) switch
        {
            4 => ReadIp4(data, ip, wireBytes, out headers),
            6 => ReadIp6(data, ip, wireBytes, out headers),
            _ => link == LinkType.Ethernet ? PacketUse.Broken : PacketUse.NotIp,
        };
    }

    private static PacketUse ReadIp4(ReadOnlySpan<byte> data, int ip, int wireBytes, out PacketHeaders headers)
    {
        const int FragmentOffsetMask = 0x1FFF;
        headers = default;
        ReadOnlySpan<byte> header = data[ip..];
        if (header.Length < Ip4Bytes) return PacketUse.Cut;
        int headerBytes = (header[0] & 0xF) * 4, total = BinaryPrimitives.ReadUInt16BigEndian(header[2..]);
        if (headerBytes < Ip4Bytes) return PacketUse.Broken;
        if ((BinaryPrimitives.ReadUInt16BigEndian(header[6..]) & FragmentOffsetMask) != 0) return PacketUse.Fragment;

        // A packet that the sender's device is to cut (segmentation offload) may say 0, or be longer than the field holds.
        if (total == 0) total = wireBytes - ip;
        if (total < headerBytes) return PacketUse.Broken;
        return ReadTransport(data, ip, ip + headerBytes, header[9], total - headerBytes, (BinaryPrimitives.ReadUInt16BigEndian(header[6..]) & MoreFragments4) != 0, PacketEnd.Ip4(header[12..], 0), PacketEnd.Ip4(header[16..], 0), out headers);
    }

    private static PacketUse ReadIp6(ReadOnlySpan<byte> data, int ip, int wireBytes, out PacketHeaders headers)
    {
        headers = default;
        ReadOnlySpan<byte> header = data[ip..];
        if (header.Length < Ip6Bytes) return PacketUse.Cut;
        int left = BinaryPrimitives.ReadUInt16BigEndian(header[4..]);
        if (left == 0) left = wireBytes - ip - Ip6Bytes; // a jumbogram, or offloaded as above
        byte next = header[6];
        bool more = false;
        int at = ip + Ip6Bytes;
        while (next is HopByHop or Routing or FragmentHeader or Authentication or DestinationOptions)
        {
            if (data.Length - at < 8) return PacketUse.Cut;
            int bytes = next switch
            {
                FragmentHeader => 8,
                Authentication => (data[at + 1] + 2) * 4,
                _ => (data[at + 1] + 1) * 8,
            };
            if (next == FragmentHeader && (BinaryPrimitives.ReadUInt16BigEndian(data[(at + 2)..]) & 0xFFF8) != 0) return PacketUse.Fragment;
            more |= next == FragmentHeader && (data[at + 3] & MoreFragments6) != 0;
            if (bytes > left) return PacketUse.Broken;
            next = data[at];
            at += bytes; // every header is 8 bytes or more: this ends
            left -= bytes;
        }

        return ReadTransport(data, ip, at, next, left, more, PacketEnd.Ip6(header[8..], 0), PacketEnd.Ip6(header[24..], 0), out headers);
    }

    private static PacketUse ReadTransport(ReadOnlySpan<byte> data, int ip, int at, byte protocol, int bytes, bool moreFragments, PacketEnd source, PacketEnd target, out PacketHeaders headers)
    {
        headers = default;
        if (protocol is not (Tcp or Udp)) return PacketUse.OtherProtocol;
        if (data.Length - at < (protocol == Tcp ? TcpBytes : UdpBytes)) return PacketUse.Cut;
        ReadOnlySpan<byte> header = data[at..];
        source = source with { Port = BinaryPrimitives.ReadUInt16BigEndian(header) };
        target = target with { Port = BinaryPrimitives.ReadUInt16BigEndian(header[2..]) };
        if (protocol == Udp)
        {
            // Of a fragmented datagram the first fragment says the whole length. 0: longer than the field holds.
            int length = BinaryPrimitives.ReadUInt16BigEndian(header[4..]);
            if (length == 0) length = bytes;
            if (length < UdpBytes || (length > bytes && !moreFragments)) return PacketUse.Broken;
            headers = new PacketHeaders { Protocol = TransportProtocol.Udp, From = source, To = target, IpOffset = ip, PayloadOffset = at + UdpBytes, PayloadBytes = length - UdpBytes };
            return PacketUse.Usable;
        }

        int headerBytes = (header[12] >> 4) * 4;
        if (headerBytes < TcpBytes || headerBytes > bytes) return PacketUse.Broken;
        if (header.Length < headerBytes) return PacketUse.Cut;
        headers = new PacketHeaders
        {
            Protocol = TransportProtocol.Tcp,
            From = source,
            To = target,
            IpOffset = ip,
            PayloadOffset = at + headerBytes,
            PayloadBytes = bytes - headerBytes,
            Sequence = BinaryPrimitives.ReadUInt32BigEndian(header[4..]),
            Flags = (TcpFlags)header[13],
        };
        return PacketUse.Usable;
    }
}

/// <summary>Flags of a TCP header that are looked at.</summary>
[Flags]
internal enum TcpFlags : byte
{
    Finish = 1,
    Synchronise = 2,
    Reset = 4,
    Acknowledge = 16,
}
