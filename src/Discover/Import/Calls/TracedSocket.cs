using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Import.Calls;

/// <summary>A socket or pipe of a trace of system calls, as far as the trace has shown it. Descriptors of several processes may refer to it.</summary>
internal sealed class TracedSocket(string id, TransportProtocol protocol)
{
    /// <summary>Peers of a datagram socket that are remembered: beyond it the oldest is taken for closed, so that memory stays bounded.</summary>
    internal const int MostPeers = 4096;

    private Dictionary<Endpoint, TracedSocket>? _peers;
    private Queue<Endpoint>? _peersByAge;

    /// <summary>Unique in the session.</summary>
    internal string Id { get; } = id;

    internal TransportProtocol Protocol { get; set; } = protocol;

    internal SocketRole Role { get; set; }

    internal Endpoint Local { get; set; } = Endpoint.None;

    internal Endpoint Remote { get; set; } = Endpoint.None;

    /// <summary>Inode number, 0 where the trace does not name it.</summary>
    internal ulong Inode { get; set; }

    internal ulong PeerInode { get; set; }

    /// <summary>Tables of descriptors that refer to it.</summary>
    internal int Holders { get; set; }

    /// <summary>An event named it, so that its close has to be told.</summary>
    internal bool Told { get; set; }

    /// <summary>Datagram sockets: one connection per address at the other end.</summary>
    internal IEnumerable<TracedSocket> Peers => _peers?.Values ?? Enumerable.Empty<TracedSocket>();

    /// <summary>The exchange of a datagram socket with one address.</summary>
    /// <param name="remote">The other end.</param>
    /// <param name="role">Side where it is new: who was asked first is the server.</param>
    /// <param name="forgotten">An exchange that made room.</param>
    internal TracedSocket Peer(Endpoint remote, SocketRole role, out TracedSocket? forgotten)
    {
        forgotten = null;
        _peers ??= [];
        _peersByAge ??= new Queue<Endpoint>();
        if (_peers.TryGetValue(remote, out TracedSocket? peer)) return peer;
        if (_peers.Count >= MostPeers) _peers.Remove(_peersByAge.Dequeue(), out forgotten);
        peer = new TracedSocket($"{Id}/{remote}", Protocol) { Role = role, Local = Local, Remote = remote };
        _peers.Add(remote, peer);
        _peersByAge.Enqueue(remote);
        return peer;
    }
}
