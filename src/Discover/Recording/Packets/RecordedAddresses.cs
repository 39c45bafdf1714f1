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
                _connections[new Pair(socket.Protocol, local, End(socket.Remote))] = known;
                return;
            }

            if (_bound.Count >= Most) Evict(_bound);
            _bound[new Bound(socket.Protocol, local.IsAny ? new PacketEnd(0, 0, local.Port) : local, local.IsAny ? socket.NetworkNamespace : 0)] = known;
        }
    }

    /// <summary>Whether a packet is of a recorded socket.</summary>
    /// <param name="packet">Its headers.</param>
    /// <param name="networkNamespace">Network namespace of the interface that it was captured on.</param>
    internal bool Has(in PacketHeaders packet, uint networkNamespace)
    {
        lock (_lock)
        {
            return Use(_connections, new Pair(packet.Protocol, packet.From, packet.To))
                || Use(_connections, new Pair(packet.Protocol, packet.To, packet.From))
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
        foreach (SocketDescription socket in sockets)
        {
            inodes.Add(socket.Inode);
            if (socket.Protocol is TransportProtocol.Tcp or TransportProtocol.Udp && socket.Local.Address is not null && socket.Remote.Address is not null) pairs.Add(new Pair(socket.Protocol, End(socket.Local), End(socket.Remote)));
        }

        lock (_lock)
        {
            foreach (Pair gone in Gone(_connections, pair => pair.Protocol, pair => pairs.Contains(pair), inodes, nowNs)) _connections.Remove(gone);
            foreach (Bound gone in Gone(_bound, bound => bound.Protocol, _ => false, inodes, nowNs)) _bound.Remove(gone);
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

    private bool IsBound(TransportProtocol protocol, PacketEnd end, uint networkNamespace)
    {
        if (_bound.Count == 0) return false;
        if (Use(_bound, new Bound(protocol, end, 0))) return true;
        PacketEnd any = new(0, 0, end.Port);

        // Loopback addresses are in every network namespace and mean another host in each.
        if (end.IsLoopback) return Use(_bound, new Bound(protocol, any, networkNamespace));
        foreach ((uint space, HashSet<PacketEnd> addresses) in _host)
            if (addresses.Contains(end.Address) && Use(_bound, new Bound(protocol, any, space))) return true;
        return false;
    }

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

    private readonly record struct Pair(TransportProtocol Protocol, PacketEnd Local, PacketEnd Remote);

    /// <summary>A socket without a connection; one that is bound to all addresses is bound to those of its network namespace.</summary>
    private readonly record struct Bound(TransportProtocol Protocol, PacketEnd Local, uint Namespace);

    private record struct Known(ulong Inode, long Used)
    {
        internal long GoneNs { get; set; }
    }
}
