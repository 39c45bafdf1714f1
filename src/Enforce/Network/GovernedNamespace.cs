using VirtualServices.Linux.Netlink;
using VirtualServices.Linux.Network;
using VirtualServices.Linux.Tc;

namespace VirtualServices.Enforce.Network;

/// <summary>A network namespace in which devices are governed: open sockets into it, and what is known of its devices.</summary>
internal sealed class GovernedNamespace : IDisposable
{
    private readonly RouteSocket _socket;

    private GovernedNamespace(NetworkNamespace where)
    {
        Where = where;
        (_socket, News) = where.Run(() => (new RouteSocket(), new LinkNews()));
        Control = new TrafficControl(_socket);
    }

    /// <summary>The namespace.</summary>
    public NetworkNamespace Where { get; }

    /// <summary>Its disciplines and classes.</summary>
    public TrafficControl Control { get; }

    /// <summary>Tells when devices change.</summary>
    public LinkNews News { get; }

    /// <summary>Devices that were looked at, and whether they are governed.</summary>
    public Dictionary<int, (NetworkDevice Device, bool Governed)> Known { get; } = [];

    /// <summary>True until the devices were looked at once.</summary>
    public bool IsNew { get; set; } = true;

    /// <summary>Opens a namespace; null where there is none of that name now.</summary>
    public static GovernedNamespace? TryOpen(string name)
    {
        if (NetworkNamespace.TryOpen(name) is not { } where) return null;
        try
        {
            return new GovernedNamespace(where);
        }
        catch
        {
            where.Dispose();
            throw;
        }
    }

    /// <summary>Devices now.</summary>
    public IReadOnlyList<NetworkDevice> Devices() => NetworkDevice.All(_socket);

    /// <inheritdoc/>
    public void Dispose()
    {
        News.Dispose();
        _socket.Dispose();
        Where.Dispose();
    }
}
