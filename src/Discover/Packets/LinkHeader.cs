using System.Buffers.Binary;

namespace VirtualServices.Discover.Packets;

/// <summary>Finds the IP header behind the header of the link.</summary>
internal static class LinkHeader
{
    private const ushort Ip4 = 0x0800, Ip6 = 0x86DD, Vlan = 0x8100, ServiceVlan = 0x88A8, OldServiceVlan = 0x9100;

    /// <summary>Where the IP header begins.</summary>
    internal static PacketUse Skip(LinkType link, ReadOnlySpan<byte> data, out int offset)
    {
        offset = 0;
        switch (link)
        {
            case LinkType.Raw or LinkType.RawBsd or LinkType.RawOther or LinkType.Ip4 or LinkType.Ip6:
                return PacketUse.Usable;
            case LinkType.Null or LinkType.Loop:
                offset = 4; // the family differs from system to system, and the IP header says the version
                return PacketUse.Usable;
            case LinkType.Ethernet:
                return Typed(data, 12, 14, ref offset);
            case LinkType.LinuxCooked:
                return Typed(data, 14, 16, ref offset);
            case LinkType.LinuxCooked2:
                return Typed(data, 0, 20, ref offset);
            default:
                return PacketUse.OtherLink;
        }
    }

    private static PacketUse Typed(ReadOnlySpan<byte> data, int type, int header, ref int offset)
    {
        offset = header;
        while (true)
        {
            if (data.Length < offset) return PacketUse.Cut;
            ushort protocol = BinaryPrimitives.ReadUInt16BigEndian(data[type..]);
            if (protocol is Ip4 or Ip6) return PacketUse.Usable;
            if (protocol is not (Vlan or ServiceVlan or OldServiceVlan)) return PacketUse.NotIp;
            type = offset + 2; // behind the tag
            offset += 4;
        }
    }
}
