using VirtualServices.Model;

namespace VirtualServices.Discover.Import.Calls;

/// <summary>What a trace says of a descriptor beside its number.</summary>
/// <param name="Kind">Whether it says anything, and whether that is a socket or pipe.</param>
/// <param name="Protocol">As far as it is told.</param>
/// <param name="Local">This end, where told.</param>
/// <param name="Remote">The other end, where told.</param>
/// <param name="Inode">Inode number, 0 where not told.</param>
/// <param name="PeerInode">Inode number of the other end, 0 where not told.</param>
internal readonly record struct SocketLabel(LabelKind Kind, TransportProtocol Protocol, Endpoint Local, Endpoint Remote, ulong Inode, ulong PeerInode)
{
    /// <summary>Nothing is told.</summary>
    internal static readonly SocketLabel None = new(LabelKind.None, TransportProtocol.None, Endpoint.None, Endpoint.None, 0, 0);

    /// <summary>A file, a timer and so on.</summary>
    internal static readonly SocketLabel Other = None with { Kind = LabelKind.Other };

    /// <summary>Both ends of an internet connection are told: they name it.</summary>
    internal bool IsPair => Protocol is TransportProtocol.Tcp or TransportProtocol.Udp && Local.Port != 0 && Remote.Port != 0;
}

/// <summary>What a label is about.</summary>
internal enum LabelKind : byte
{
    None,
    Socket,
    Other,
}
