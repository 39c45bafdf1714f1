using VirtualServices.Linux.Cgroups;

namespace VirtualServices.Enforce.Tests;

public sealed class HostProbeTests
{
    private static readonly CgroupMount UnifiedBare = new(2, "/sys/fs/cgroup/unified", [], []), Unified = new(2, "/sys/fs/cgroup", ["cpu", "io"], []), Cpu = new(1, "/sys/fs/cgroup/cpu", ["cpu"], []), Other = new(1, "/sys/fs/cgroup/pids", ["pids"], []);

    [Fact]
    public void Where_nothing_has_the_cpu_controller_both_ways_to_get_it_are_told_and_one_is_required()
    {
        foreach (CgroupMount[] mounts in (CgroupMount[][])[[], [UnifiedBare], [UnifiedBare, Other]])
        {
            Capability[] all = [.. HostProbe.CpuShares(mounts)];
            Assert.Equal([CapabilityState.Missing, CapabilityState.Missing], all.Select(one => one.State));
            Assert.Equal([true, false], all.Select(one => one.Required));
            Assert.Contains("systemd.unified_cgroup_hierarchy=1", all[0].Remedy, StringComparison.Ordinal);
            Assert.Contains("mount -t cgroup -o cpu none /sys/fs/cgroup/cpu", all[1].Remedy, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Where_one_version_has_it_nothing_of_the_other_is_required()
    {
        Assert.Equal([(CapabilityState.Works, true, ""), (CapabilityState.Missing, false, "")], HostProbe.CpuShares([Unified]).Select(one => (one.State, one.Required, one.Remedy)));
        Assert.Equal([(CapabilityState.Missing, false), (CapabilityState.Works, true)], HostProbe.CpuShares([UnifiedBare, Cpu]).Select(one => (one.State, one.Required)));
    }
}
