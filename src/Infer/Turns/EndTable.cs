using System.Buffers.Binary;
using System.Net;
using VirtualServices.Infer.Inventory;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Turns;

/// <summary>Ends of connections that are open now, found by id, inode and address pair, and matched with their other ends.</summary>
/// <param name="hostsApart">The same addresses on two hosts are two connections: only a name in common joins ends of different hosts.</param>
internal sealed class EndTable(bool hostsApart)
{
    /// <summary>Peers of sockets for datagrams that are kept: datagrams do not say when it is over.</summary>
    public const int MostDatagrams = 1 << 14;

    /// <summary>Ends that are kept: more than any host holds open.</summary>
    internal const int Most = 1 << 18;

    private readonly Shelf<ConnectionEnd> _shelf = new(Most);
    private readonly Dictionary<ulong, ConnectionEnd> _byId = [];
    private readonly Dictionary<ulong, ConnectionEnd> _byInode = [];
    private readonly Dictionary<ulong, ConnectionEnd> _byPeerInode = [];
    private readonly Dictionary<AddressPair, ConnectionEnd> _byAddress = [];
    private readonly Dictionary<(ConnectionEnd Socket, ulong High, ulong Low, ushort Port), ConnectionEnd> _datagrams = [];
    private readonly Queue<ConnectionEnd> _datagramsByAge = [];
    private readonly Dictionary<string, ConnectionEnd> _byName = new(StringComparer.Ordinal); // of connections with a name: one end that waits for its other one

    /// <summary>Ends that are open now, without those of datagrams.</summary>
    public int Count => _shelf.Count;

    /// <summary>Ends that were given up because there were more than <see cref="Most"/>.</summary>
    public long GivenUp => _shelf.GivenUp;

    /// <summary>The end that was not used for longest where there are too many, to be closed; else null.</summary>
    public ConnectionEnd? TooMany() => _shelf.TooMany();

    /// <summary>Ends that are open now, in the order of their ids.</summary>
    public IReadOnlyList<ConnectionEnd> Open =>
        [.. _byId.Where(p => p.Key == p.Value.Id).SelectMany(p => p.Value.Twin is { Closed: false } twin ? [p.Value, twin] : new[] { p.Value }).OrderBy(e => e.Id).ThenBy(e => e.Role)];

    /// <summary>The end that a call of the process is about, or null where the socket was never described or used.</summary>
    public ConnectionEnd? Find(ulong id, int pid)
    {
        if (!_byId.TryGetValue(id, out ConnectionEnd? end)) return null;
        if (end.Twin is not { Closed: false } twin || end.HeldBy(pid)) return end;
        return twin.HeldBy(pid) || twin.Holders.Count == 0 ? twin : end;
    }

    /// <summary>An end of which only the id is known.</summary>
    public ConnectionEnd Add(ulong id)
    {
        var end = new ConnectionEnd(id);
        _byId[id] = end;
        _shelf.Add(end);
        if ((id & SocketDescription.InodeFlag) != 0)
        {
            end.Inode = id & ~SocketDescription.InodeFlag;
            _byInode[end.Inode] = end;
        }

        return end;
    }

    /// <summary>What a socket that many may write to exchanges with the peer of a datagram. A peer that is heard before it is answered is a client's.</summary>
    public ConnectionEnd Datagram(ConnectionEnd socket, in SessionEvent e)
    {
        var key = (socket, e.PeerHigh, e.PeerLow, e.PeerPort);
        if (_datagrams.TryGetValue(key, out ConnectionEnd? end)) return end;
        end = new ConnectionEnd(socket.Id)
        {
            Socket = socket,
            Protocol = TransportProtocol.Udp,
            Role = e.Call == CallKind.Receive ? SocketRole.Server : SocketRole.Client,
            Local = socket.Local,
            Remote = e.Peer,
            NetworkNamespace = socket.NetworkNamespace,
            Host = socket.Host,
            Connection = socket.Connection,
        };
        _datagrams.Add(key, end);
        _datagramsByAge.Enqueue(end);
        (socket.Datagrams ??= []).Add(end);
        if (IsPair(end))
        {
            _byAddress[PairOf(end)] = end;
            Match(end);
        }

        return end;
    }

    /// <summary>The oldest exchange of datagrams where there are more than are kept, or null: peers that go on get a new one.</summary>
    public ConnectionEnd? ForgottenDatagram()
    {
        while (_datagramsByAge.Count > MostDatagrams)
        {
            if (_datagramsByAge.Dequeue() is { Closed: false } oldest) return oldest;
        }

        return null;
    }

    /// <summary>The other end under the same id.</summary>
    public ConnectionEnd AddTwin(ConnectionEnd end, SocketRole role)
    {
        var twin = new ConnectionEnd(end.Id)
        {
            Role = role,
            Protocol = end.Protocol,
            Local = end.Remote,
            Remote = end.Local,
            Twin = end,
            Connection = end.Connection,
            NetworkNamespace = end.NetworkNamespace,
        };
        end.Twin = twin;
        _shelf.Add(twin);
        if (end.Peer is null) Pair(end, twin);
        return twin;
    }

    /// <summary>Takes in what is newly known of a socket.</summary>
    /// <returns>The end, and in <paramref name="stale"/> an end that this one shows to be gone.</returns>
    public ConnectionEnd Describe(SocketDescription description, out ConnectionEnd? stale)
    {
        stale = null;
        ConnectionEnd? end = _byId.GetValueOrDefault(description.Id);
        if (end is null && description.Inode != 0 && _byInode.TryGetValue(description.Inode, out ConnectionEnd? known))
        {
            if ((known.Id & SocketDescription.InodeFlag) != 0 || (description.Id & SocketDescription.InodeFlag) != 0) end = known;
            else stale = known; // another cookie: the inode number is used again, the close was lost
        }

        if (end is null)
        {
            end = Add(description.Id);
        }
        else if (end.Id != description.Id && (description.Id & SocketDescription.InodeFlag) == 0)
        {
            end.Alias = end.Id;
            end.Id = description.Id;
            _byId[description.Id] = end;
        }

        if (description.Role is SocketRole.Client or SocketRole.Server && end.Role is SocketRole.Client or SocketRole.Server && end.Role != description.Role)
            end = end.Twin is { Closed: false } twin ? twin : AddTwin(end, description.Role);
        Apply(end, description);
        return end;
    }

    /// <summary>Finds the other end.</summary>
    public void Match(ConnectionEnd end)
    {
        if (end.Peer is not null || end.Role == SocketRole.Listener) return;
        ConnectionEnd? peer = null;
        if (end.PeerInode != 0) peer = _byInode.GetValueOrDefault(end.PeerInode);
        if (peer is null && end.Inode != 0) peer = _byPeerInode.GetValueOrDefault(end.Inode);
        if (peer is null && IsPair(end)) peer = _byAddress.GetValueOrDefault(new AddressPair(end.Protocol, end.Remote, end.Local, PlaceOf(end)));
        if (peer is null && end.Connection.Length > 0)
        {
            peer = _byName.GetValueOrDefault(end.Connection);
            if (peer is not null && !AddressesAgree(peer, end)) peer = null; // the id is another connection's, on another host
            if (peer is null or { Peer: not null }) _byName[end.Connection] = end; // nobody waits under this name: now this end does
        }

        if (peer is null || peer == end || peer.Peer is not null || peer.Closed || (peer.Role == end.Role && end.Role != SocketRole.Unknown)) return;
        Pair(end, peer);
    }

    /// <summary>Takes a closed end out.</summary>
    public void Remove(ConnectionEnd end)
    {
        end.Closed = true;
        _shelf.Remove(end);
        ConnectionEnd? twin = end.Twin is { Closed: false } open ? open : null;
        Drop(_byId, end.Id, end, twin);
        if (end.Alias != 0) Drop(_byId, end.Alias, end, null);
        if (end.Inode != 0) Drop(_byInode, end.Inode, end, null);
        if (end.PeerInode != 0) Drop(_byPeerInode, end.PeerInode, end, null);
        if (end.Connection.Length > 0) Drop(_byName, end.Connection, end, null);
        if (IsPair(end)) Drop(_byAddress, PairOf(end), end, null);

        if (end.Socket is { } socket && end.Remote.Address is { } address)
        {
            (ulong high, ulong low) = HalvesOf(address);
            _datagrams.Remove((socket, high, low, (ushort)end.Remote.Port));
            socket.Datagrams?.Remove(end);
        }

        // One closed end of the other side may be looked at; what lay behind that is dropped, or ends would chain.
        if (end.Peer is { Closed: true } gone) gone.Peer = null;
    }

    // As events carry it.
    private static (ulong High, ulong Low) HalvesOf(IPAddress address)
    {
        byte[] bytes = address.MapToIPv6().GetAddressBytes();
        return (BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(8)));
    }

    private static void Drop<TKey>(Dictionary<TKey, ConnectionEnd> table, TKey key, ConnectionEnd end, ConnectionEnd? instead)
        where TKey : notnull
    {
        if (!table.TryGetValue(key, out ConnectionEnd? there) || there != end) return;
        if (instead is null) table.Remove(key);
        else table[key] = instead;
    }

    private static void Pair(ConnectionEnd one, ConnectionEnd two)
    {
        one.Peer = two;
        two.Peer = one;
        bool fresh = one.Turns == 0 && two.Turns == 0 && !one.Existing && !two.Existing;
        one.InStep = fresh;
        two.InStep = fresh;
        if (one.Role == SocketRole.Unknown) one.Role = Opposite(two.Role);
        if (two.Role == SocketRole.Unknown) two.Role = Opposite(one.Role);
    }

    private static SocketRole Opposite(SocketRole role) => role switch { SocketRole.Client => SocketRole.Server, SocketRole.Server => SocketRole.Client, _ => SocketRole.Unknown };

    private static bool IsPair(ConnectionEnd end) => end.Protocol is TransportProtocol.Tcp or TransportProtocol.Udp && end.Local.Address is not null && end.Remote.Address is not null;

    private static bool AddressesAgree(ConnectionEnd one, ConnectionEnd two) => !IsPair(one) || !IsPair(two) || (one.Local == two.Remote && one.Remote == two.Local);

    // 127.0.0.1 means another host in each network namespace; other addresses meet across namespaces, and across hosts unless these are kept apart.
    private (string Host, uint Namespace) PlaceOf(ConnectionEnd end) =>
        end.Local.Address is { } address && IPAddress.IsLoopback(address) ? (end.Host, end.NetworkNamespace) : (hostsApart ? end.Host : "", 0);

    private void Apply(ConnectionEnd end, SocketDescription description)
    {
        if (IsPair(end)) Drop(_byAddress, PairOf(end), end, null);
        if (description.Protocol != TransportProtocol.None) end.Protocol = description.Protocol;
        if (description.Role != SocketRole.Unknown) end.Role = description.Role;
        if (description.Local != Endpoint.None) end.Local = description.Local;
        if (description.Remote != Endpoint.None) end.Remote = description.Remote;
        if (description.NetworkNamespace != 0) end.NetworkNamespace = description.NetworkNamespace;
        if (description.Connection.Length > 0) end.Connection = description.Connection;
        if (description.Host.Length > 0) end.Host = description.Host;
        if (description.PeerPid != 0) end.PeerPid = description.PeerPid;
        if (description.Inode != 0)
        {
            if (end.Inode != description.Inode && end.Inode != 0) Drop(_byInode, end.Inode, end, null);
            end.Inode = description.Inode;
            _byInode[end.Inode] = end;
        }

        if (description.PeerInode != 0)
        {
            if (end.PeerInode != description.PeerInode && end.PeerInode != 0) Drop(_byPeerInode, end.PeerInode, end, null);
            end.PeerInode = description.PeerInode;
            _byPeerInode[end.PeerInode] = end;
        }

        if (IsPair(end) && end.Role != SocketRole.Listener) _byAddress[PairOf(end)] = end;
        Match(end);
    }

    private AddressPair PairOf(ConnectionEnd end) => new(end.Protocol, end.Local, end.Remote, PlaceOf(end));

    private readonly record struct AddressPair(TransportProtocol Protocol, Endpoint Local, Endpoint Remote, (string Host, uint Namespace) Place);
}
