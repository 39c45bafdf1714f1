namespace VirtualServices.Model;

/// <summary>Resource context of one tenant's service.</summary>
/// <param name="Name">Unique in a rule set; letters, digits, '-', '_' and '.', beginning with a letter, at most 63 characters.</param>
/// <param name="Parent">Name of the parent, or null for a child of the root.</param>
/// <param name="Priority">The rule naming the virtual service with the higher priority wins a conflict.</param>
/// <param name="Cpu">CPU share.</param>
/// <param name="Network">Network share.</param>
/// <param name="Limits">Count limits, null where none is set.</param>
/// <param name="FrontDoors">Where work enters from outside and gets this virtual service.</param>
public sealed record VirtualService(
    string Name,
    string? Parent,
    int Priority,
    CpuShare Cpu,
    NetworkShare Network,
    MemberLimits? Limits,
    IReadOnlyList<Selector> FrontDoors)
{
    /// <summary>Name of the virtual service in which unclassified work runs. It always exists.</summary>
    public const string BestEffort = "bestEffort";
}
