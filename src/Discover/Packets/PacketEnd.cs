using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using VirtualServices.Model;

namespace VirtualServices.Discover.Packets;

/// <summary>One end of a packet, without allocation: IPv4 mapped into IPv6, the halves in network order, as in <see cref="Model.Sessions.SessionEvent"/>.</summary>
/// <param name="High">High half of the address.</param>
/// <param name="Low">Low half.</param>
/// <param name="Port">Port.</param>
internal readonly record struct PacketEnd(ulong High, ulong Low, ushort Port)
{
    private const ulong MappedPrefix = 0xFFFF_0000_0000, LoopbackNetwork = MappedPrefix | 0x7F00_0000, LoopbackMask = MappedPrefix | 0xFF00_0000, LinkLocalNetwork = MappedPrefix | 0xA9FE_0000, LinkLocalMask = 0xFFFF_FFFF_FFFF_0000;

    /// <summary>The same address without its port.</summary>
    internal PacketEnd Address => this with { Port = 0 };

    /// <summary>No address: a socket that is bound to all of them.</summary>
    internal bool IsAny => High == 0 && Low is 0 or MappedPrefix;

    /// <summary>127.0.0.0/8 or ::1.</summary>
    internal bool IsLoopback => High == 0 && (Low == 1 || (Low & LoopbackMask) == LoopbackNetwork);

    /// <summary>169.254.0.0/16 or fe80::/10.</summary>
    internal bool IsLinkLocal => (High == 0 && (Low & LinkLocalMask) == LinkLocalNetwork) || High >> 54 == 0xFE80 >> 6;

    /// <summary>An address of IPv4.</summary>
    internal bool IsIp4 => High == 0 && Low >> 32 == MappedPrefix >> 32;

    /// <summary>0.0.0.0.</summary>
    internal static PacketEnd Ip4Any(ushort port) => new(0, MappedPrefix, port);

    /// <summary>All addresses of IPv6, and of IPv4 where the socket takes these, too.</summary>
    internal static PacketEnd Ip6Any(ushort port) => new(0, 0, port);

    internal static PacketEnd Ip4(ReadOnlySpan<byte> address, ushort port) => new(0, MappedPrefix | BinaryPrimitives.ReadUInt32BigEndian(address), port);

    internal static PacketEnd Ip6(ReadOnlySpan<byte> address, ushort port) => new(BinaryPrimitives.ReadUInt64BigEndian(address), BinaryPrimitives.ReadUInt64BigEndian(address[8..]), port);

    /// <summary>The end of an internet socket; its address must be known.</summary>
    internal static PacketEnd Of(IPAddress address, int port)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (!address.TryWriteBytes(bytes, out _)) throw new ArgumentException("no internet address", nameof(address));
        return address.AddressFamily == AddressFamily.InterNetwork ? Ip4(bytes, (ushort)port) : Ip6(bytes, (ushort)port);
    }

    internal Endpoint ToEndpoint()
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, High);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], Low);
        return Endpoint.Inet(new IPAddress(bytes), Port);
    }
}
