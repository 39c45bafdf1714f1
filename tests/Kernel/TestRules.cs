using System.Globalization;
using VirtualServices.Model;

namespace VirtualServices.Kernel.Tests;

/// <summary>Rule sets of tenants that share one PostgreSQL.</summary>
internal static class TestRules
{
    public static RuleSet For(PostgresServer server, params (string Name, int FrontDoor)[] tenants)
    {
        VirtualService[] all =
        [
            .. tenants.GroupBy(tenant => tenant.Name).Select(tenant => Tenant(tenant.Key, [.. tenant.Select(door => new Selector(SelectorKind.Pid, door.FrontDoor.ToString(CultureInfo.InvariantCulture)))])),
            Tenant(VirtualService.BestEffort),
        ];
        Service postgres = new("postgres", [new Selector(SelectorKind.Pid, server.Pid.ToString(CultureInfo.InvariantCulture))]);
        Gate gate = new("postgres-receive", "postgres", GateCall.Receive, new GateCondition(null, null), new Classification(ClassificationKind.Requester), BindScope.Process, GateState.Approved, null, GateReview.None);
        return new RuleSet(all, [postgres], [gate]);
    }

    public static VirtualService Tenant(string name, params Selector[] frontDoors) => new(name, null, 0, new CpuShare(), new NetworkShare(), null, frontDoors);
}
