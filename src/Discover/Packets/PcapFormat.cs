namespace VirtualServices.Discover.Packets;

/// <summary>Constants of pcap files (draft-ietf-opsawg-pcap).</summary>
internal static class PcapFormat
{
    internal const uint NanosecondMagic = 0xA1B23C4D;
    internal const int FileHeaderBytes = 24, PacketHeaderBytes = 16;
    internal const ushort MajorVersion = 2, MinorVersion = 4;

    /// <summary>Most bytes of one packet: as libpcap has it.</summary>
    internal const int MostPacketBytes = 262_144;
}
