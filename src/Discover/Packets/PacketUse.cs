namespace VirtualServices.Discover.Packets;

/// <summary>Whether a packet can be used, or why not.</summary>
internal enum PacketUse
{
    /// <summary>TCP or UDP with whole headers.</summary>
    Usable,

    /// <summary>The capture is of a link type that is not read.</summary>
    OtherLink,

    /// <summary>Not IP: ARP and so on.</summary>
    NotIp,

    /// <summary>IP that carries neither TCP nor UDP.</summary>
    OtherProtocol,

    /// <summary>A fragment without the header of TCP or UDP.</summary>
    Fragment,

    /// <summary>The capture cut it within its headers.</summary>
    Cut,

    /// <summary>Its headers contradict themselves.</summary>
    Broken,
}

internal static class PacketUses
{
    /// <summary>Why packets were not used, for counts.</summary>
    internal static string Reason(this PacketUse use) => use switch
    {
        PacketUse.OtherLink => "packets of a link type that is not read",
        PacketUse.NotIp => "packets that are not IP",
        PacketUse.OtherProtocol => "IP packets that are neither TCP nor UDP",
        PacketUse.Fragment => "fragments of IP packets behind the first",
        PacketUse.Cut => "packets that were cut within their headers",
        PacketUse.Broken => "packets whose headers are broken",
        _ => throw new ArgumentOutOfRangeException(nameof(use)),
    };
}
