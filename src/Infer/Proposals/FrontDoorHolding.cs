using VirtualServices.Infer.Statistics;
using VirtualServices.Model;

namespace VirtualServices.Infer.Proposals;

/// <summary>
/// Chooses the service for which requests are to be held at front doors. A process that serves one connection after the other (pre-fork) works for one request at a time, but who comes next is decided
/// by the order in its queue; that is shared by letting requests in one hop earlier. It takes front ends of the tenants that accept connections over TCP, and can be done for one service only.
/// </summary>
internal static class FrontDoorHolding
{
    /// <summary>Key of the service: of several, the one that works most. Empty where there is none.</summary>
    public static string Choose(SessionStatistics all, TenantMap tenants) => all.Services.Values
        .Where(service => service.Model.Classify() == ExecutionModel.PreFork && tenants.Shared.Contains(service.Key) && IsAskedFromDoors(service, all, tenants))
        .OrderByDescending(service => service.Profiles.Values.Aggregate(0UL, (sum, profile) => sum + profile.CpuNs))
        .ThenBy(service => service.Key, StringComparer.Ordinal)
        .FirstOrDefault()?.Key ?? "";

    /// <summary>It is asked over TCP by a tenant itself, which was seen to be asked over TCP.</summary>
    private static bool IsAskedFromDoors(ServiceStatistics service, SessionStatistics all, TenantMap tenants) => service.Flows.Keys.Any(flow =>
        IsTcp(flow) && tenants.Find(flow.Direct) is { FrontDoors.Count: > 0 } && all.Services.TryGetValue(flow.Direct, out ServiceStatistics? door) && door.Flows.Keys.Any(IsTcp));

    private static bool IsTcp(FlowKey flow) => ListenAddress.TryParse(flow.Listen, out ListenAddress address) && address.Protocol == TransportProtocol.Tcp;
}
