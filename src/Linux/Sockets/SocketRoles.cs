using System.Net;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Linux.Sockets;

/// <summary>Tells which side of a connection a socket is, from the listeners that are there. Where that proves nothing the role stays unknown.</summary>
internal sealed class SocketRoles
{
    private readonly HashSet<(uint Namespace, int Port, IPAddress? Address)> _listeners = [];
    private readonly Dictionary<ulong, RawSocket> _unix = [];
    private readonly (int First, int Last) _ephemeral;

    internal SocketRoles(IEnumerable<RawSocket> sockets, (int First, int Last) ephemeral)
    {
        _ephemeral = ephemeral;
        foreach (RawSocket socket in sockets)
        {
            if (socket.Protocol == TransportProtocol.Unix) _unix[socket.Inode] = socket;
            else if (socket.Protocol == TransportProtocol.Tcp && socket.State == SocketDiagnostics.Listening)
                _listeners.Add((socket.NetworkNamespace, socket.Local.Port, IsAny(socket.Local.Address) ? null : socket.Local.Address));
        }
    }

    internal SocketDescription Describe(RawSocket socket)
    {
        Endpoint remote = socket.Remote;
        if (socket.PeerInode != 0 && _unix.TryGetValue(socket.PeerInode, out RawSocket? peer)) remote = peer.Local;
        ulong id = socket.Cookie != 0 ? socket.Cookie : socket.Inode | SocketDescription.InodeFlag;
        return new SocketDescription(id, socket.Inode, socket.Protocol, Role(socket, remote), socket.Local, remote, socket.PeerInode, 0, socket.NetworkNamespace);
    }

    private SocketRole Role(RawSocket socket, Endpoint remote) => socket.Protocol switch
    {
        TransportProtocol.Unix => UnixRole(socket, remote),
        TransportProtocol.Udp => UdpRole(socket),
        _ when socket.State == SocketDiagnostics.Listening => SocketRole.Listener,
        _ when remote == Endpoint.None => SocketRole.Unknown,
        _ when Listens(socket.NetworkNamespace, socket.Local) => SocketRole.Server,
        _ when Listens(socket.NetworkNamespace, remote) => SocketRole.Client,
        _ when IsEphemeral(socket.Local.Port) && !IsEphemeral(remote.Port) => SocketRole.Client,
        _ => SocketRole.Unknown,
    };

    /// <summary>An accepted unix socket has its listener's path, a connecting one usually has none; a pair from socketpair(2) has no path on either side.</summary>
    private static SocketRole UnixRole(RawSocket socket, Endpoint remote)
    {
        if (socket.State == SocketDiagnostics.Listening) return SocketRole.Listener;
        if (socket.State != SocketDiagnostics.Established) return SocketRole.Unknown;
        bool named = socket.Local.Path.Length > 0, peerNamed = remote.Path.Length > 0;
        return named == peerNamed ? SocketRole.Unknown : named ? SocketRole.Server : SocketRole.Client;
    }

    private SocketRole UdpRole(RawSocket socket)
    {
        if (socket.Remote != Endpoint.None) return SocketRole.Client;
        return socket.Local.Port != 0 && !IsEphemeral(socket.Local.Port) ? SocketRole.Server : SocketRole.Unknown;
    }

    private bool Listens(uint network, Endpoint end) => _listeners.Contains((network, end.Port, null)) || _listeners.Contains((network, end.Port, end.Address));

    private bool IsEphemeral(int port) => port >= _ephemeral.First && port <= _ephemeral.Last;

    private static bool IsAny(IPAddress? address) => address is null || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);
}
