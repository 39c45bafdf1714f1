using VirtualServices.Model;

namespace VirtualServices.Cli.Demo;

/// <summary>The cgroups of the demo: one per tenant's front end and one for the shared server, all of equal weight. v1 (<c>cpu</c> hierarchy) and v2.</summary>
internal sealed class DemoCgroups : IDisposable
{
    private readonly string _mount;
    private readonly string _base;

    private DemoCgroups(string mount, string name, bool unified)
    {
        _mount = mount;
        _base = Path.Combine(mount, name);
        Directory.CreateDirectory(_base);
        if (unified)
        {
            Enable(mount);
            Enable(_base);
        }
    }

    /// <summary>Makes the demo's own cgroup below the root of the hierarchy that schedules CPU.</summary>
    /// <exception cref="VsException">There is no such hierarchy, or we may not write it.</exception>
    public static DemoCgroups Create(string name)
    {
        (string mount, bool unified) = FindHierarchy(File.ReadLines("/proc/self/mountinfo"))
            ?? throw new VsException(ExitCode.HostLacks, "demo: no cgroup hierarchy with the cpu controller is mounted (neither v2 nor v1 cpu)");
        try
        {
            return new DemoCgroups(mount, name, unified);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new VsException(ExitCode.Permission, $"demo: cannot make cgroups below {mount}: run as root", e);
        }
    }

    /// <summary>Folder of one cgroup of the demo; makes it on first use.</summary>
    public string Folder(string name) => Directory.CreateDirectory(Path.Combine(_base, name)).FullName;

    /// <summary>Path of that cgroup inside the hierarchy, as selectors write it.</summary>
    public string PathOf(string name) => Folder(name)[_mount.Length..];

    /// <summary>Removes the cgroups; all processes in them must have ended.</summary>
    public void Dispose()
    {
        if (!Directory.Exists(_base)) return;
        foreach (string folder in Directory.EnumerateDirectories(_base)) Remove(folder);
        Remove(_base);
    }

    /// <summary>Mount point of the hierarchy with the cpu controller, from the lines of mountinfo.</summary>
    internal static (string Mount, bool Unified)? FindHierarchy(IEnumerable<string> mountInfo)
    {
        string? unified = null;
        foreach (string line in mountInfo)
        {
            string[] halves = line.Split(" - ", 2);
            if (halves.Length < 2) continue;
            string[] filesystem = halves[1].Split(' ');
            string mount = halves[0].Split(' ')[4];
            if (filesystem[0] == "cgroup" && filesystem[^1].Split(',').Contains("cpu")) return (mount, false);
            if (filesystem[0] == "cgroup2") unified ??= mount;
        }

        return unified is not null && HasCpu(unified) ? (unified, true) : null;
    }

    private static bool HasCpu(string mount) =>
        File.Exists(Path.Combine(mount, "cgroup.controllers")) && File.ReadAllText(Path.Combine(mount, "cgroup.controllers")).Split().Contains("cpu");

    private static void Enable(string folder)
    {
        string file = Path.Combine(folder, "cgroup.subtree_control");
        if (!File.ReadAllText(file).Split().Contains("cpu")) File.WriteAllText(file, "+cpu");
    }

    private static void Remove(string folder)
    {
        try
        {
            Directory.Delete(folder);
        }
        catch (IOException)
        {
            // A process that is still ending holds it; the next run uses the same folder, nothing leaks but its name.
        }
    }
}
