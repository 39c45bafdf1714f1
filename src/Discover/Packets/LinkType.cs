namespace VirtualServices.Discover.Packets;

/// <summary>What a captured packet begins with: numbers of files (LINKTYPE_) and of libpcap (DLT_), which differ for raw IP only (https://www.tcpdump.org/linktypes.html).</summary>
internal enum LinkType
{
    /// <summary>BSD loopback: four bytes of address family.</summary>
    Null = 0,

    /// <summary>Ethernet, with or without VLAN tags.</summary>
    Ethernet = 1,

    /// <summary>An IP header, as libpcap calls it.</summary>
    RawBsd = 12,

    /// <summary>An IP header, as libpcap calls it on OpenBSD.</summary>
    RawOther = 14,

    /// <summary>An IP header, version 4 or 6, in files.</summary>
    Raw = 101,

    /// <summary>OpenBSD loopback: four bytes of address family.</summary>
    Loop = 108,

    /// <summary>Linux cooked capture, as of the device "any".</summary>
    LinuxCooked = 113,

    /// <summary>An IPv4 header.</summary>
    Ip4 = 228,

    /// <summary>An IPv6 header.</summary>
    Ip6 = 229,

    /// <summary>Linux cooked capture, version 2.</summary>
    LinuxCooked2 = 276,
}
