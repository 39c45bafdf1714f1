using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Import;

/// <summary>One neutral event: what every import translates its source into. Reused from event to event; <see cref="Clear"/> first.</summary>
internal sealed class NeutralEvent
{
    /// <summary>ns of the host's clock.</summary>
    internal long TimeNs { get; set; }

    /// <summary>Time between entering and leaving the call where the source knows it, ns.</summary>
    internal uint DurationNs { get; set; }

    /// <summary>Empty where the source has one host only.</summary>
    internal string Host { get; set; } = "";

    /// <summary>Process id on its host, above 0.</summary>
    internal int Pid { get; set; }

    /// <summary>Thread id, 0 where unknown.</summary>
    internal int Tid { get; set; }

    internal string Comm { get; set; } = "";

    /// <summary>Empty where the source does not know it.</summary>
    internal string Service { get; set; } = "";

    internal CallKind Call { get; set; }

    /// <summary>Id of the connection, empty where the call has none.</summary>
    internal string Connection { get; set; } = "";

    internal SocketRole Role { get; set; }

    internal TransportProtocol Protocol { get; set; }

    internal Endpoint Local { get; set; } = Endpoint.None;

    internal Endpoint Remote { get; set; } = Endpoint.None;

    /// <summary>Inode number of this end of a unix socket or pipe, 0 where unknown.</summary>
    internal ulong Inode { get; set; }

    /// <summary>Inode number of its other end, 0 where unknown.</summary>
    internal ulong PeerInode { get; set; }

    /// <summary>Bytes, 0 the end of the stream; 1 where the source does not say how many.</summary>
    internal int Bytes { get; set; }

    /// <summary>Fork: the child's process id. Wake: the woken thread.</summary>
    internal int Child { get; set; }

    /// <summary>Fork: the child's thread id, 0 where it is <see cref="Child"/>.</summary>
    internal int ChildTid { get; set; }

    /// <summary>CPU time of the thread so far, ns, 0 where unknown.</summary>
    internal ulong CpuNs { get; set; }

    /// <summary>Id of a request where the source knows it, else 0; as <see cref="SessionEvent.Request"/>.</summary>
    internal ulong Request { get; set; }

    /// <summary>Known virtual service, empty for none.</summary>
    internal string VirtualService { get; set; } = "";

    internal void Clear()
    {
        TimeNs = 0;
        DurationNs = 0;
        Host = Comm = Service = Connection = VirtualService = "";
        Pid = Tid = Child = ChildTid = 0;
        Call = CallKind.None;
        Role = SocketRole.Unknown;
        Protocol = TransportProtocol.None;
        Local = Remote = Endpoint.None;
        Inode = PeerInode = 0;
        Bytes = 1;
        CpuNs = Request = 0;
    }
}
