namespace VirtualServices.Linux.Cgroups;

/// <summary>Ids of control groups and executables as BPF programs see them.</summary>
public static class CgroupIds
{
    /// <summary>Id of a group; null where it is not there.</summary>
    /// <param name="mount">The hierarchy.</param>
    /// <param name="group">Path from its root, as /proc/PID/cgroup has it.</param>
    public static ulong? Of(CgroupMount mount, string group)
    {
        ArgumentNullException.ThrowIfNull(mount);
        ArgumentNullException.ThrowIfNull(group);
        return FileIdentity.OfFile(Path.Combine(mount.MountPoint, group.Trim('/')))?.Inode;
    }

    /// <summary>Ids of all groups whose own name is one of the given, such as those of units: one walk through the hierarchy.</summary>
    public static IEnumerable<(string Name, ulong Id)> Named(CgroupMount mount, IReadOnlySet<string> names)
    {
        ArgumentNullException.ThrowIfNull(mount);
        ArgumentNullException.ThrowIfNull(names);
        EnumerationOptions below = new() { RecurseSubdirectories = true, IgnoreInaccessible = true, AttributesToSkip = FileAttributes.ReparsePoint };
        foreach (string folder in Directory.EnumerateDirectories(mount.MountPoint, "*", below))
        {
            string name = Path.GetFileName(folder);
            if (names.Contains(name) && FileIdentity.OfFile(folder) is { } file) yield return (name, file.Inode);
        }
    }

    /// <summary>Inode and device (as the kernel encodes it) of an executable; null where there is none.</summary>
    public static (ulong Inode, ulong Device)? OfExecutable(string path) => FileIdentity.OfFile(path);
}
