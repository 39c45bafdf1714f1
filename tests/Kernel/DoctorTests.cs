using VirtualServices.Enforce;

namespace VirtualServices.Kernel.Tests;

/// <summary>A kernel that should have something and is said not to have it fails here, instead of tests being skipped elsewhere.</summary>
[Collection(Enforcement.Name)]
public sealed class DoctorTests
{
    [RootFact]
    public void What_enforcing_needs_works_on_this_host_and_probing_leaves_nothing()
    {
        IReadOnlyList<Capability> all = HostProbe.Run();
        Assert.DoesNotContain(all, capability => capability is { Required: true, State: not CapabilityState.Works });
        Assert.Equal(all.Count, all.Select(capability => capability.Name).Distinct().Count());
        Assert.All(all, capability => Assert.True(capability.State == CapabilityState.Works ? capability.Uses.Length > 0 : capability.Missing.Length > 0 || capability.Uses.Length > 0, capability.ToString()));
        Leftovers.AssertNone();
    }
}
