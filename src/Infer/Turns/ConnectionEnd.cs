using VirtualServices.Infer.Inventory;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Turns;

/// <summary>Which way the bytes of the present turn go.</summary>
internal enum TurnDirection : byte
{
    None,
    In,
    Out,
}

/// <summary>One end of a connection while it is open.</summary>
internal sealed class ConnectionEnd(ulong id) : IShelved<ConnectionEnd>
{
    private static readonly List<ProcessState> Nobody = [];

    /// <summary>Id in outputs: the cookie as soon as it is known.</summary>
    public ulong Id { get; set; } = id;

    /// <summary>The inode form under which the end was first seen, or 0.</summary>
    public ulong Alias { get; set; }

    public ulong Inode { get; set; }

    public TransportProtocol Protocol { get; set; }

    public SocketRole Role { get; set; }

    public Endpoint Local { get; set; } = Endpoint.None;

    public Endpoint Remote { get; set; } = Endpoint.None;

    public ulong PeerInode { get; set; }

    public int PeerPid { get; set; }

    public uint NetworkNamespace { get; set; }

    /// <summary>Id of the connection in an imported source, else empty.</summary>
    public string Connection { get; set; } = "";

    public string Host { get; set; } = "";

    /// <summary>The inventory's line of the process at the other end, looked up when the socket was described: later the pid may be another's.</summary>
    public ProcessRecord? PeerRecord { get; set; }

    /// <summary>The process at the other end where it was recorded, looked up at the same time.</summary>
    public ProcessState? PeerProcess { get; set; }

    /// <summary>The other end where it was recorded, too.</summary>
    public ConnectionEnd? Peer { get; set; }

    /// <summary>The other end where both carry the same id.</summary>
    public ConnectionEnd? Twin { get; set; }

    /// <summary>The socket, where this is what one peer and a socket that many may write to exchange in datagrams; else null.</summary>
    public ConnectionEnd? Socket { get; init; }

    /// <summary>What the socket exchanges with each of its peers in datagrams.</summary>
    public HashSet<ConnectionEnd>? Datagrams { get; set; }

    /// <summary>Processes that hold a descriptor.</summary>
    public List<ProcessState> Holders { get; private set; } = new(1); // nearly always one

    /// <summary>Who connected, or was first seen to use it.</summary>
    public ProcessState? Owner { get; set; }

    public long AcceptorSerial { get; set; }

    public int AcceptorPid { get; set; }

    public long AcceptNs { get; set; }

    /// <summary>It existed when the session began.</summary>
    public bool Existing { get; set; }

    public bool Closed { get; set; }

    public TurnDirection Turn { get; set; }

    /// <summary>Requests (server side) or outgoing calls (client side) so far.</summary>
    public long Turns { get; set; }

    /// <summary>Both ends count their turns from the same one on, so that the n-th request is the n-th call.</summary>
    public bool InStep { get; set; }

    /// <summary>Process that first moved bytes here.</summary>
    public ProcessState? User { get; set; }

    /// <summary>1 where this was the first connection that its process served.</summary>
    public int NumberInProcess { get; set; }

    public bool UsedBySeveral { get; set; }

    /// <summary>The thread that received the first request.</summary>
    public TracedThread? FirstThread { get; set; }

    public bool SeveralThreads { get; set; }

    /// <summary>Thread that received the request which nobody has begun to answer.</summary>
    public TracedThread? OpenThread { get; set; }

    /// <summary>Server side: origin of the last request, once settled. Client side: origin of the last call.</summary>
    public Origin Origin { get; set; } = Origin.Unknown;

    /// <summary>The last request waits for its requester.</summary>
    public bool Unsettled { get; set; }

    /// <summary>The last request where the source knows its id, else null.</summary>
    public ToldRequest? Told { get; set; }

    /// <summary>Time of the last request or call.</summary>
    public long TurnNs { get; set; }

    /// <summary>Requests whose requester is not known yet.</summary>
    public List<Request>? Waiting { get; set; }

    /// <inheritdoc/>
    public ConnectionEnd? Older { get; set; }

    /// <inheritdoc/>
    public ConnectionEnd? Newer { get; set; }

    /// <inheritdoc/>
    public long UsedAt { get; set; }

    /// <inheritdoc/>
    public long ShelvedAt { get; set; }

    /// <summary>What the reader of the walk keeps per connection.</summary>
    public object? Notes { get; set; }

    /// <summary>What the statistics keep per connection: links are found in the same walk.</summary>
    public object? Statistics { get; set; }

    /// <summary>It is closed: nobody holds it, and nobody will.</summary>
    public void LetGo() => Holders = Nobody;

    public bool HeldBy(ProcessState process)
    {
        foreach (ProcessState holder in Holders)
        {
            if (holder == process) return true;
        }

        return false;
    }

    public bool HeldBy(int pid)
    {
        foreach (ProcessState holder in Holders)
        {
            if (holder.Pid == pid) return true;
        }

        return false;
    }
}

/// <summary>A request: the first receive of a turn on a server-side connection.</summary>
/// <param name="Process">Who received it.</param>
/// <param name="TimeNs">Enter time of the call.</param>
/// <param name="EndNs">Time at which it returned.</param>
/// <param name="Number">1 for the first of the connection.</param>
/// <param name="Bytes">Length of the first piece.</param>
/// <param name="KnownVs">As in the event.</param>
internal readonly record struct Request(ProcessState Process, long TimeNs, long EndNs, long Number, int Bytes, int KnownVs);
