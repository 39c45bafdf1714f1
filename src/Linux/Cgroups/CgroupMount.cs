namespace VirtualServices.Linux.Cgroups;

/// <summary>A mounted cgroup hierarchy.</summary>
/// <param name="Version">2 or 1.</param>
/// <param name="MountPoint">Where it is mounted.</param>
/// <param name="Controllers">v1: the controllers it carries; v2: those that its root has.</param>
/// <param name="Options">Options of the file system, such as <c>favordynmods</c>.</param>
public sealed record CgroupMount(int Version, string MountPoint, IReadOnlyList<string> Controllers, IReadOnlyList<string> Options)
{
    /// <summary>True where moving a single thread or process does not wait for a grace period of the kernel (60 µs instead of 16 ms).</summary>
    public bool FavorsDynamicModifications => Options.Contains("favordynmods");

    /// <summary>The hierarchies of this host that are mounted whole.</summary>
    public static IReadOnlyList<CgroupMount> Find() => Parse(File.ReadAllLines("/proc/self/mountinfo"));

    /// <summary>The one with the CPU controller: v2 where it has it, else v1; null where there is none.</summary>
    public static CgroupMount? WithCpu(IEnumerable<CgroupMount> mounts) =>
        mounts.Where(mount => mount.Controllers.Contains("cpu")).OrderByDescending(mount => mount.Version).FirstOrDefault();

    /// <summary>Opens the hierarchy.</summary>
    public CpuHierarchy Open() => Version == 2 ? new CpuHierarchyV2(MountPoint) : new CpuHierarchyV1(MountPoint);

    /// <summary>Reads lines of /proc/PID/mountinfo.</summary>
    internal static IReadOnlyList<CgroupMount> Parse(IEnumerable<string> lines)
    {
        List<CgroupMount> mounts = [];
        foreach (string line in lines)
        {
            // "36 25 0:31 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct"; only a mount of the root is the whole.
            string[] halves = line.Split(" - ", 2);
            if (halves.Length != 2) continue;
            string[] left = halves[0].Split(' '), right = halves[1].Split(' ');
            if (left.Length < 5 || right.Length < 3 || left[3] != "/") continue;
            string point = left[4].Replace("\\040", " ", StringComparison.Ordinal);
            string[] options = right[2].Split(',');
            if (right[0] == "cgroup") mounts.Add(new CgroupMount(1, point, options, options));
            else if (right[0] == "cgroup2") mounts.Add(new CgroupMount(2, point, ControllersOf(point), options));
        }

        return mounts;
    }

    private static string[] ControllersOf(string mountPoint)
    {
        string file = Path.Combine(mountPoint, "cgroup.controllers");
        return File.Exists(file) ? File.ReadAllText(file).Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries) : [];
    }
}
