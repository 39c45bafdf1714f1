using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using VirtualServices.Discover.Packets;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Recording.Packets;

/// <summary>
/// The addresses of the recorded services' sockets: tells their packets from those of strangers. A socket is forgotten some time after it is gone, for its port may then be a stranger's.
/// Safe for two threads: the recorder's adds, that of the packets asks.
/// </summary>
internal sealed class RecordedAddresses
{
    /// <summary>Most connections, and most sockets without one: beyond it the one that was used longest ago is forgotten.</summary>
    internal const int Most = 1 << 17;

    /// <summary>What the kernel still sends for a TCP socket that is closed: FIN, and what was not acknowledged.</summary>
    private const long TcpLingerNs = 60_000_000_000;

    /// <summary>A socket that was made while the kernel listed all others is missing from that list; from the next one only where it is gone.</summary>
    private const long UdpLingerNs = 5_000_000_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<Pair, Known> _connections = [];
    private readonly Dictionary<Bound, Known> _bound = [];
    private readonly Dictionary<uint, HashSet<PacketEnd>> _host = [];
    private readonly HashSet<Bound> _others = [];
    private long _uses;

    /// <summary>Sockets that were forgotten because there were too many.</summary>
    internal long Evicted { get; private set; }

    /// <summary>Takes in a socket of a recorded service; nothing happens where it is none of TCP or UDP, or has no address yet.</summary>
    internal void Add(SocketDescription socket)
    {
        if (socket.Protocol is not (TransportProtocol.Tcp or TransportProtocol.Udp) || socket.Local.Port == 0) return;
        lock (_lock)
        {
            Known known = new(socket.Inode, ++_uses);
            PacketEnd local = End(socket.Local);
            if (socket.Remote.Address is not null)
            {
                if (_connections.Count >= Most) Evict(_connections);
                _connections[PairOf(socket.Protocol, local, End(socket.Remote), socket.NetworkNamespace)] = known;
                return;
            }

            if (_bound.Count >= Most) Evict(_bound);
            _bound[BoundOf(socket.Protocol, local, socket.NetworkNamespace)] = known;
        }
    }

    /// <summary>Whether a packet is of a recorded socket.</summary>
    /// <param name="packet">Its headers.</param>
    /// <param name="networkNamespace">Network namespace of the interface that it was captured on.</param>
    internal bool Has(in PacketHeaders packet, uint networkNamespace)
    {
        lock (_lock)
        {
            return Use(_connections, PairOf(packet.Protocol, packet.From, packet.To, networkNamespace))
                || Use(_connections, PairOf(packet.Protocol, packet.To, packet.From, networkNamespace))
                || IsBound(packet.Protocol, packet.To, networkNamespace)
                || IsBound(packet.Protocol, packet.From, networkNamespace);
        }
    }

    /// <summary>Forgets the sockets that are gone for some time.</summary>
    /// <param name="sockets">All sockets of the host now.</param>
    /// <param name="host">Addresses of the host by network namespace.</param>
    /// <param name="nowNs">ns of CLOCK_MONOTONIC.</param>
    internal void Renew(IEnumerable<SocketDescription> sockets, IReadOnlyDictionary<uint, IReadOnlySet<IPAddress>> host, long nowNs)
    {
        HashSet<ulong> inodes = [];
        HashSet<Pair> pairs = [];
        HashSet<Bound> bound = [];
        foreach (SocketDescription socket in sockets)
        {
            inodes.Add(socket.Inode);
            if (socket.Protocol is not (TransportProtocol.Tcp or TransportProtocol.Udp) || socket.Local.Address is null) continue;
            if (socket.Remote.Address is not null) pairs.Add(PairOf(socket.Protocol, End(socket.Local), End(socket.Remote), socket.NetworkNamespace));
            else bound.Add(BoundOf(socket.Protocol, End(socket.Local), socket.NetworkNamespace));
        }

        lock (_lock)
        {
            foreach (Pair gone in Gone(_connections, pair => pair.Protocol, pair => pairs.Contains(pair), inodes, nowNs)) _connections.Remove(gone);
            foreach (Bound gone in Gone(_bound, one => one.Protocol, _ => false, inodes, nowNs)) _bound.Remove(gone);
            _others.Clear();
            _others.UnionWith(bound.Where(one => !_bound.ContainsKey(one)));
            _host.Clear();
            foreach ((uint space, IReadOnlySet<IPAddress> addresses) in host) _host[space] = [.. addresses.Select(address => PacketEnd.Of(address, 0))];
        }
    }

    // An inode that was not known yet when the socket was described: its addresses tell.
    private static List<T> Gone<T>(Dictionary<T, Known> sockets, Func<T, TransportProtocol> protocol, Func<T, bool> isThere, HashSet<ulong> inodes, long nowNs)
        where T : notnull
    {
        List<T> gone = [];
        foreach (T key in sockets.Keys)
        {
            ref Known known = ref CollectionsMarshal.GetValueRefOrNullRef(sockets, key);
            if (known.Inode != 0 ? inodes.Contains(known.Inode) : isThere(key)) known.GoneNs = 0;
            else if (known.GoneNs == 0) known.GoneNs = nowNs;
            if (known.GoneNs != 0 && nowNs - known.GoneNs >= (protocol(key) == TransportProtocol.Tcp ? TcpLingerNs : UdpLingerNs)) gone.Add(key);
        }

        return gone;
    }

    // As the kernel chooses: a socket that is bound to the address goes before those that are bound to all of them, and among these one of IPv4 before one of IPv6, which may be for IPv6 only.
    private bool IsBound(TransportProtocol protocol, PacketEnd end, uint networkNamespace)
    {
        if (_bound.Count == 0) return false;
        if (Is(BoundOf(protocol, end, networkNamespace)) is { } exact) return exact;

        // Such addresses are in every network namespace and mean another host in each.
        if (end.IsLoopback) return IsBoundToAll(protocol, end, networkNamespace);
        if (end.IsLinkLocal) return _host.TryGetValue(networkNamespace, out HashSet<PacketEnd>? own) && own.Contains(end.Address) && IsBoundToAll(protocol, end, networkNamespace);
        foreach ((uint space, HashSet<PacketEnd> addresses) in _host)
            if (addresses.Contains(end.Address) && IsBoundToAll(protocol, end, space)) return true;
        return false;
    }

    private bool IsBoundToAll(TransportProtocol protocol, PacketEnd end, uint networkNamespace)
    {
        if (end.IsIp4 && Is(new Bound(protocol, PacketEnd.Ip4Any(end.Port), networkNamespace)) is { } four) return four;
        return Is(new Bound(protocol, PacketEnd.Ip6Any(end.Port), networkNamespace)) == true;
    }

    /// <summary>Whether it is recorded; null where nobody is bound there.</summary>
    private bool? Is(Bound key) => Use(_bound, key) ? true : _others.Contains(key) ? false : null;

    private bool Use<T>(Dictionary<T, Known> sockets, T key)
        where T : notnull
    {
        ref Known known = ref CollectionsMarshal.GetValueRefOrNullRef(sockets, key);
        if (Unsafe.IsNullRef(ref known)) return false;
        known.Used = ++_uses;
        return true;
    }

    // Rare, and then an eighth at once: no list has to be kept in order for it.
    private void Evict<T>(Dictionary<T, Known> sockets)
        where T : notnull
    {
        long[] uses = [.. sockets.Values.Select(known => known.Used)];
        Array.Sort(uses);
        long limit = uses[uses.Length / 8];
        foreach (T key in sockets.Where(pair => pair.Value.Used < limit).Select(pair => pair.Key).ToList()) sockets.Remove(key);
        Evicted += uses.Length - sockets.Count;
    }

    private static PacketEnd End(Endpoint end) => PacketEnd.Of(end.Address ?? IPAddress.IPv6Any, end.Port);

    private static Pair PairOf(TransportProtocol protocol, PacketEnd local, PacketEnd remote, uint networkNamespace) =>
        new(protocol, local, remote, local.IsLoopback || local.IsLinkLocal || remote.IsLoopback ? networkNamespace : 0);

    private static Bound BoundOf(TransportProtocol protocol, PacketEnd local, uint networkNamespace) =>
        new(protocol, local, local.IsAny || local.IsLoopback || local.IsLinkLocal ? networkNamespace : 0);

    /// <summary>A connection; one over loopback or from a link-local address is of one network namespace.</summary>
    private readonly record struct Pair(TransportProtocol Protocol, PacketEnd Local, PacketEnd Remote, uint Namespace);

    /// <summary>A socket without a connection; one that is bound to all addresses, a loopback or a link-local one is of one network namespace.</summary>
    private readonly record struct Bound(TransportProtocol Protocol, PacketEnd Local, uint Namespace);

    private record struct Known(ulong Inode, long Used)
    {
        internal long GoneNs { get; set; }
    }
}
