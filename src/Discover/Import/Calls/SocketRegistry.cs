using System.Globalization;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Import.Calls;

/// <summary>Sockets of a trace by what names them: the addresses of both ends, or the inode number.</summary>
internal sealed class SocketRegistry
{
    /// <summary>Most sockets that are remembered by name; sockets whose close was not seen would else fill any memory.</summary>
    private const int MostNamed = 1 << 18;

    private readonly Dictionary<(TransportProtocol, Endpoint, Endpoint), TracedSocket> _byPair = [];
    private readonly Dictionary<ulong, TracedSocket> _byInode = [];
    private readonly HashSet<(TransportProtocol, int)> _listening = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private long _serial;

    /// <summary>A socket that was made, or seen for the first time.</summary>
    internal TracedSocket Make(TransportProtocol protocol, Endpoint local, Endpoint remote)
    {
        _serial++;
        string name = local.Port != 0 && remote.Port != 0 ? $"{local}-{remote}" : "";
        if (name.Length == 0 || !_names.Add(name)) name = string.Create(CultureInfo.InvariantCulture, $"socket-{_serial}");
        if (_names.Count > MostNamed) _names.Clear();
        return new TracedSocket(name, protocol) { Local = local, Remote = remote };
    }

    /// <summary>The socket that a label names, or null where it names none that is known.</summary>
    internal TracedSocket? Find(in SocketLabel label)
    {
        if (label.IsPair && _byPair.TryGetValue((label.Protocol, label.Local, label.Remote), out TracedSocket? socket)) return socket;
        return label.Inode != 0 ? _byInode.GetValueOrDefault(label.Inode) : null;
    }

    /// <summary>Takes in what a label says, and lets other processes find the socket by it.</summary>
    internal void Learn(TracedSocket socket, in SocketLabel label)
    {
        if (label.Protocol != TransportProtocol.None) socket.Protocol = label.Protocol;
        if (label.Local != Endpoint.None) socket.Local = label.Local;
        if (label.Remote != Endpoint.None) socket.Remote = label.Remote;
        if (label.Inode != 0) socket.Inode = label.Inode;
        if (label.PeerInode != 0) socket.PeerInode = label.PeerInode;
        if (_byPair.Count >= MostNamed) _byPair.Clear();
        if (_byInode.Count >= MostNamed) _byInode.Clear();
        if (label.IsPair) _byPair[(label.Protocol, label.Local, label.Remote)] = socket;
        if (label.Inode != 0) _byInode[label.Inode] = socket;
    }

    internal void Forget(TracedSocket socket)
    {
        _names.Remove(socket.Id);
        if (_byPair.TryGetValue((socket.Protocol, socket.Local, socket.Remote), out TracedSocket? named) && named == socket) _byPair.Remove((socket.Protocol, socket.Local, socket.Remote));
        if (socket.Inode != 0 && _byInode.TryGetValue(socket.Inode, out named) && named == socket) _byInode.Remove(socket.Inode);
    }

    /// <summary>Somebody listens at this address: what else is open there is a server's side.</summary>
    internal void Listens(TransportProtocol protocol, Endpoint local)
    {
        if (local.Port != 0) _listening.Add((protocol, local.Port));
    }

    /// <summary>The side of a socket whose accept or connect was not seen.</summary>
    internal SocketRole RoleOf(TracedSocket socket)
    {
        bool server = _listening.Contains((socket.Protocol, socket.Local.Port));
        bool client = _listening.Contains((socket.Protocol, socket.Remote.Port));
        return server == client ? SocketRole.Unknown : server ? SocketRole.Server : SocketRole.Client;
    }
}
