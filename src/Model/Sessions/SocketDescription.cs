namespace VirtualServices.Model.Sessions;

/// <summary>Which side of a connection a socket is.</summary>
public enum SocketRole : byte
{
    /// <summary>Not known.</summary>
    Unknown,

    /// <summary>Accepted, or bound and asked.</summary>
    Server,

    /// <summary>Connected.</summary>
    Client,

    /// <summary>Listening.</summary>
    Listener,
}

/// <summary>What is known of a socket, once per socket.</summary>
/// <param name="Id">Id in events: the cookie, or the inode with the top bit set.</param>
/// <param name="Inode">Inode number (as in <c>socket:[N]</c>), 0 where unknown. An event may carry the inode form of the id before the cookie exists: both name this socket.</param>
/// <param name="Protocol">TCP, UDP, unix or pipe.</param>
/// <param name="Role">Side.</param>
/// <param name="Local">This end.</param>
/// <param name="Remote">The other end.</param>
/// <param name="PeerInode">Inode of the other end of a unix socket or pipe on this host, 0 where unknown.</param>
/// <param name="PeerPid">Process that made the other end, where the kernel says so (same host), else 0.</param>
/// <param name="NetworkNamespace">Inode of the network namespace, 0 where unknown.</param>
/// <param name="Connection">Id of the connection in the source of an import (<c>conn</c> of the neutral events), or of a joined session between hosts; outputs repeat it. Empty in a recording.</param>
/// <param name="Host">Host where the sources of a session have several; empty for the session's own.</param>
public sealed record SocketDescription(
    ulong Id,
    ulong Inode,
    TransportProtocol Protocol,
    SocketRole Role,
    Endpoint Local,
    Endpoint Remote,
    ulong PeerInode,
    int PeerPid,
    uint NetworkNamespace,
    string Connection = "",
    string Host = "")
{
    /// <summary>Top bit of an id that is an inode number.</summary>
    public const ulong InodeFlag = 1UL << 63;
}
