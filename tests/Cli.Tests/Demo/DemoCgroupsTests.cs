using VirtualServices.Cli.Demo;

namespace VirtualServices.Cli.Tests.Demo;

public sealed class DemoCgroupsTests
{
    [Fact]
    public void The_v1_cpu_hierarchy_is_found_beside_others()
    {
        string[] mounts =
        [
            "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755",
            "34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset",
            "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw",
            "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:5 - cgroup cgroup rw,cpu,cpuacct",
        ];
        Assert.Equal(("/sys/fs/cgroup/cpu,cpuacct", false), DemoCgroups.FindHierarchy(mounts));
    }

    [Fact]
    public void A_unified_hierarchy_without_the_cpu_controller_does_not_do() =>
        Assert.Null(DemoCgroups.FindHierarchy(["41 31 0:38 / /nowhere rw,relatime - cgroup2 cgroup2 rw"]));

    [Fact]
    public void A_unified_hierarchy_with_the_cpu_controller_does()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "cgroup.controllers"), "cpuset cpu io\n");
            Assert.Equal((folder, true), DemoCgroups.FindHierarchy([$"41 31 0:38 / {folder} rw,relatime - cgroup2 cgroup2 rw"]));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
