using System.Buffers.Binary;
using System.Net;

namespace VirtualServices.Model.Sessions;

/// <summary>One recorded call. Plain data, no references: batches of it are read without allocation.</summary>
public struct SessionEvent
{
    /// <summary>Enter time, ns of the session's clock (CLOCK_MONOTONIC of the recorded host).</summary>
    public long TimeNs;

    /// <summary>CPU time of the thread so far, ns; 0 where unknown.</summary>
    public ulong CpuNs;

    /// <summary>Id of the socket or pipe: the socket cookie, or, with the top bit set, an inode number; 0 for none. See <see cref="SocketDescription"/>.</summary>
    public ulong Socket;

    /// <summary>Time between entering and leaving the call, ns; saturates at 4.29 s.</summary>
    public uint DurationNs;

    /// <summary>Result of the call: bytes, a descriptor, or a negative errno. Wake: a <see cref="WakeMeans"/>.</summary>
    public int Result;

    /// <summary>Process (thread group) id.</summary>
    public int Pid;

    /// <summary>Thread id; 0 where unknown, then nothing may be concluded from threads.</summary>
    public int Tid;

    /// <summary>Descriptor, -1 for none.</summary>
    public int Fd;

    /// <summary>Fork: thread id of the child. Wake: the woken thread. Describe: index into the session's table of sockets.</summary>
    public int Child;

    /// <summary>Fork: process id of the child.</summary>
    public int ChildPid;

    /// <summary>Receive at a front door: known virtual service, index + 1 into <see cref="IEventSource.VirtualServices"/>; 0 where not known.</summary>
    public int VirtualService;

    /// <summary>Receive and send on an unconnected UDP socket: the other end's address, IPv4 mapped into IPv6, high half in network order; 0 with <see cref="PeerPort"/> 0 where not known.</summary>
    public ulong PeerHigh;

    /// <summary>The address's low half.</summary>
    public ulong PeerLow;

    /// <summary>The other end's port, 0 where not known.</summary>
    public ushort PeerPort;

    /// <summary>
    /// Id of a request where the source itself knows it, 0 where not. Receive on a server's side: the request that begins has this id, unique in its process.
    /// Send on a client's side: the call works for the request of this id; an id that no request of its process has says that it works for none.
    /// </summary>
    public ulong Request;

    /// <summary>What the event says.</summary>
    public CallKind Call;

    /// <summary>True where the event names the other end of a datagram.</summary>
    public readonly bool HasPeer => PeerPort != 0;

    /// <summary>The other end of a datagram, <see cref="Endpoint.None"/> where not known. Allocates: compare the fields where many events are read.</summary>
    public readonly Endpoint Peer
    {
        get
        {
            if (!HasPeer) return Endpoint.None;
            Span<byte> address = stackalloc byte[16];
            BinaryPrimitives.WriteUInt64BigEndian(address, PeerHigh);
            BinaryPrimitives.WriteUInt64BigEndian(address[8..], PeerLow);
            return Endpoint.Inet(new IPAddress(address), PeerPort);
        }
    }
}
