using VirtualServices.Model;

namespace VirtualServices.Infer.Replays;

/// <summary>What a rule set would have charged to whom.</summary>
/// <param name="Services">One per service of the rule set, in its order.</param>
/// <param name="Missing">Listening addresses that the rules name and the session does not have: what they would choose is not there.</param>
public sealed record ReplayResult(IReadOnlyList<ReplayService> Services, IReadOnlyList<NamedAddress> Missing);

/// <summary>A listening address in a rule set.</summary>
/// <param name="Use">What names it.</param>
/// <param name="Name">Name of that virtual service or service, or id of that gate.</param>
/// <param name="Address">The address.</param>
public sealed record NamedAddress(AddressUse Use, string Name, ListenAddress Address);

/// <summary>What a listening address stands for in rules.</summary>
public enum AddressUse
{
    /// <summary>A front door of a virtual service.</summary>
    FrontDoor,

    /// <summary>The match of a service.</summary>
    Service,

    /// <summary>The condition of a gate.</summary>
    Gate,
}

/// <summary>What would have been charged of one service.</summary>
/// <param name="Name">Name of the service.</param>
/// <param name="Occurs">False where no process of the session belongs to it: its figures are zero for that reason alone.</param>
/// <param name="Parts">To each virtual service of the rule set that got something, in the order of the names; then, with a null name, to none.</param>
/// <param name="Known">Requests and CPU time whose virtual service the source itself knows.</param>
/// <param name="Wrong">Of these: what was charged to another virtual service than the known one. What was charged to none is not wrong.</param>
public sealed record ReplayService(string Name, bool Occurs, IReadOnlyList<ReplayPart> Parts, ReplayTruth Known, ReplayTruth Wrong);

/// <summary>A virtual service's part of a shared service.</summary>
/// <param name="VirtualService">Name, or null for none: it would run in best effort.</param>
/// <param name="CpuNs">CPU time, ns: the difference between the events of each thread.</param>
/// <param name="Requests">Requests received.</param>
/// <param name="BytesIn">Bytes received from clients.</param>
/// <param name="BytesOut">Bytes sent to clients.</param>
public sealed record ReplayPart(string? VirtualService, ulong CpuNs, long Requests, long BytesIn, long BytesOut);

/// <summary>Where the truth is known.</summary>
/// <param name="Requests">Requests.</param>
/// <param name="CpuNs">CPU time, ns.</param>
public sealed record ReplayTruth(long Requests, ulong CpuNs);
