using System.Net;
using System.Net.Sockets;
using VirtualServices.Model;
using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Load;

/// <summary>A tenant's connection: asks, waits for the answer, and says what passed where.</summary>
internal abstract class LoadConnection : IDisposable
{
    /// <summary>Connects.</summary>
    protected LoadConnection(LoadPlan plan, ProtocolType protocol)
    {
        Plan = plan;
        Socket = new Socket(AddressFamily.InterNetwork, protocol == ProtocolType.Udp ? SocketType.Dgram : SocketType.Stream, protocol);
        if (protocol == ProtocolType.Tcp) Socket.NoDelay = true;
        Socket.Connect(IPAddress.Parse(plan.Address), plan.Port);
    }

    /// <summary>What it does.</summary>
    protected LoadPlan Plan { get; }

    /// <summary>The socket, blocking.</summary>
    protected Socket Socket { get; }

    /// <summary>Now, ns since 1970.</summary>
    public static long UtcNs => (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;

    /// <summary>Connects by the protocol of a plan.</summary>
    public static LoadConnection Open(LoadPlan plan) => plan.Protocol switch
    {
        "postgres" => new PostgresConnection(plan),
        "redis" => new RedisConnection(plan),
        "http" => new HttpConnection(plan),
        "dns" => new DnsConnection(plan),
        _ => throw new VsException(ExitCode.Usage, $"protocol '{plan.Protocol}': expected postgres, redis, http or dns"),
    };

    /// <summary>Sends a request and waits for the answer.</summary>
    /// <param name="request">Its id: the service, or what it asks in turn, gets to see it.</param>
    /// <param name="work">How much is asked for.</param>
    /// <returns>What is known of its way.</returns>
    /// <exception cref="VsException">The service refused, or answered something else.</exception>
    public abstract IReadOnlyList<Hop> Ask(string request, int work);

    /// <inheritdoc/>
    public virtual void Dispose() => Socket.Dispose();

    /// <summary>The request has just been answered: what this connection last asked is it.</summary>
    protected Hop Answered(string request) => new(request, Plan.Tenant, Plan.Service, UtcNs, Socket.RemoteEndPoint!.ToString(), Socket.LocalEndPoint!.ToString());

    /// <summary>Sends all.</summary>
    protected void Send(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0) bytes = bytes[Socket.Send(bytes)..];
    }

    /// <summary>An answer that is none.</summary>
    protected VsException Refused(string said) => new(ExitCode.HostLacks, $"{Plan.Service} at {Plan.Address}:{Plan.Port} answered {Plan.Tenant}: {said}");
}
