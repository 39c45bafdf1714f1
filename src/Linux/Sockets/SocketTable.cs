using System.Globalization;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Linux.Sockets;

/// <summary>The TCP, UDP and unix sockets of this host at one moment, of every network namespace that may be entered.</summary>
public sealed class SocketTable
{
    private readonly Dictionary<ulong, SocketDescription> _byInode = [];
    private Dictionary<(TransportProtocol, uint, Endpoint, Endpoint), SocketDescription>? _byPair;

    private SocketTable(IReadOnlyList<RawSocket> sockets, (int First, int Last) ephemeral)
    {
        SocketRoles roles = new(sockets, ephemeral);
        foreach (RawSocket socket in sockets) _byInode[socket.Inode] = roles.Describe(socket);
    }

    /// <summary>A table without sockets, for callers that ask for processes only.</summary>
    public static SocketTable Empty { get; } = new([], (0, 0));

    /// <summary>All sockets that belong to a descriptor, in no order.</summary>
    public IReadOnlyCollection<SocketDescription> Sockets => _byInode.Values;

    /// <summary>Asks the kernel, which by that gives each socket its cookie. Without root only this process's network namespace is listed.</summary>
    /// <exception cref="VsException">The kernel has no sock_diag.</exception>
    public static SocketTable Dump()
    {
        List<RawSocket> sockets = SocketDiagnostics.Dump(NetworkNamespaces.Of("self"));
        foreach ((uint inode, int pid) in NetworkNamespaces.Others())
            NetworkNamespaces.TryRunIn(pid, () => sockets.AddRange(SocketDiagnostics.Dump(inode)));
        return new SocketTable(sockets, EphemeralPorts());
    }

    /// <summary>The socket with this inode number (<c>socket:[N]</c>); null where there is none.</summary>
    public SocketDescription? FindByInode(ulong inode) => _byInode.GetValueOrDefault(inode);

    /// <summary>Sockets that are asked at this address: listening ones, and for UDP those that are bound and not connected.</summary>
    public IEnumerable<SocketDescription> Listeners(ListenAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return _byInode.Values.Where(socket =>
            (socket.Protocol == TransportProtocol.Udp ? socket.Remote == Endpoint.None : socket.Role == SocketRole.Listener)
            && address.Matches(socket.Protocol, socket.Local));
    }

    /// <summary>The other end on this host, in the same or (unix) any namespace; null where there is none or it is not known.</summary>
    public SocketDescription? Peer(SocketDescription socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        if (socket.PeerInode != 0) return FindByInode(socket.PeerInode);
        if (socket.Remote == Endpoint.None || socket.Protocol is not (TransportProtocol.Tcp or TransportProtocol.Udp)) return null;
        _byPair ??= IndexByPair();
        return _byPair.GetValueOrDefault((socket.Protocol, socket.NetworkNamespace, socket.Remote, socket.Local));
    }

    private Dictionary<(TransportProtocol, uint, Endpoint, Endpoint), SocketDescription> IndexByPair()
    {
        Dictionary<(TransportProtocol, uint, Endpoint, Endpoint), SocketDescription> pairs = [];
        foreach (SocketDescription socket in _byInode.Values)
            if (socket.Remote != Endpoint.None) pairs.TryAdd((socket.Protocol, socket.NetworkNamespace, socket.Local, socket.Remote), socket);
        return pairs;
    }

    private static (int First, int Last) EphemeralPorts()
    {
        string[] range = File.ReadAllText("/proc/sys/net/ipv4/ip_local_port_range").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return (int.Parse(range[0], CultureInfo.InvariantCulture), int.Parse(range[1], CultureInfo.InvariantCulture));
    }
}
