using VirtualServices.Model;

namespace VirtualServices.Enforce;

/// <summary>Sums of a virtual service.</summary>
/// <param name="Name">Name.</param>
/// <param name="Parent">Name of its parent, empty where it has none.</param>
/// <param name="Own">What it used itself.</param>
/// <param name="Total">The same with all below it: a parent inherits the statistics of its children.</param>
/// <param name="Share">What the rules give it; null where the present rules do not have it any more.</param>
public sealed record VirtualServiceUse(string Name, string Parent, UseCounts Own, UseCounts Total, VirtualServiceShare? Share)
{
    /// <summary>CPU time charged to it since the enforcement began, without its children's.</summary>
    public long CpuNs => Own.CpuNs;
}

/// <summary>What the rules give a virtual service.</summary>
/// <param name="Cpu">CPU share.</param>
/// <param name="Network">Network share.</param>
/// <param name="Processes">Most processes, null for no limit.</param>
/// <param name="Sockets">Most sockets, null for no limit.</param>
public sealed record VirtualServiceShare(CpuShare Cpu, NetworkShare Network, int? Processes, int? Sockets);

/// <summary>Sums of a virtual service in one service.</summary>
/// <param name="VirtualService">Name of the virtual service; empty for connections whose requester is not known.</param>
/// <param name="Service">Name of the service; empty for processes of front doors.</param>
/// <param name="Counts">The sums.</param>
public sealed record ServiceUse(string VirtualService, string Service, UseCounts Counts)
{
    /// <summary>CPU time charged since the enforcement began.</summary>
    public long CpuNs => Counts.CpuNs;

    /// <summary>Processes now.</summary>
    public int Processes => Counts.Processes;

    /// <summary>Server-side connections now.</summary>
    public int Connections => Counts.Connections;
}
