using System.ComponentModel;
using System.Text;
using Tmds.Linux;
using VirtualServices.Model;

namespace VirtualServices.Linux.Cgroups;

/// <summary>
/// Switches <c>favordynmods</c> on by one more mount of cgroup v2 at a place of our own, because what is mounted is never remounted.
/// </summary>
/// <remarks>
/// The option belongs to a hierarchy, but what it changes is a lock that all hierarchies share (<c>cgroup_threadgroup_rwsem</c>), so it makes moves in v1
/// fast, too. One more mount of v1 would not do: the kernel keeps the options of a v1 hierarchy as they are (kernel/cgroup/cgroup-v1.c, cgroup1_root_to_use),
/// while v2 takes those of the latest mount (kernel/cgroup/cgroup.c, apply_cgroup_root_flags). From 6.18 on part of it stays until the next boot.
/// </remarks>
public static unsafe class DynamicModifications
{
    private const uint NoSetUid = 2, NoDevices = 4, NoExec = 8;
    private const string Option = "favordynmods";

    /// <summary>Mounts; nothing is done where the option is on already.</summary>
    /// <returns>True where a mount of ours stands at <paramref name="mountPoint"/> now.</returns>
    /// <exception cref="VsException">The kernel refused, or took no notice.</exception>
    public static bool Enable(string mountPoint)
    {
        IReadOnlyList<CgroupMount> mounts = CgroupMount.Find();
        if (mounts.Any(mount => mount.MountPoint == mountPoint)) return true;
        if (IsOn(mounts)) return false;
        Mount(mountPoint, [.. Kept(mounts), Option]);
        if (IsOn(CgroupMount.Find())) return true;
        Disable(mountPoint);
        throw new VsException(ExitCode.HostLacks, $"the kernel took a mount of cgroup2 with '{Option}' at {mountPoint}, but not the option");
    }

    /// <summary>Switches the option off again, if our mount switched it on, and removes the mount.</summary>
    /// <exception cref="VsException">The kernel refused.</exception>
    public static void Disable(string mountPoint)
    {
        IReadOnlyList<CgroupMount> mounts = CgroupMount.Find();
        if (!mounts.Any(mount => mount.MountPoint == mountPoint)) return;
        Unmount(mountPoint);

        // The option outlives the mount: a mount without it takes it back.
        Mount(mountPoint, Kept(mounts));
        Unmount(mountPoint);
        Directory.Delete(mountPoint);
    }

    // One more mount sets the options of the hierarchy anew: all that were there must be named.
    private static string[] Kept(IReadOnlyList<CgroupMount> mounts) =>
        [.. mounts.FirstOrDefault(mount => mount.Version == 2)?.Options.Where(option => option is not ("rw" or "ro" or Option)) ?? []];

    private static bool IsOn(IEnumerable<CgroupMount> mounts) => mounts.Any(mount => mount.FavorsDynamicModifications);

    private static void Mount(string mountPoint, string[] options)
    {
        Directory.CreateDirectory(mountPoint);
        string data = string.Join(',', options);
        fixed (byte* type = "cgroup2\0"u8, target = Text(mountPoint), text = Text(data))
        {
            if (LibC.mount(type, target, type, NoSetUid | NoDevices | NoExec, text) == 0) return;
            throw new VsException(ExitCode.HostLacks, $"cannot mount cgroup2 with '{data}' at {mountPoint}: {new Win32Exception(LibC.errno).Message}");
        }
    }

    private static void Unmount(string mountPoint)
    {
        fixed (byte* target = Text(mountPoint))
        {
            if (LibC.umount(target) == 0) return;
            throw new VsException(ExitCode.HostLacks, $"cannot unmount {mountPoint}: {new Win32Exception(LibC.errno).Message}");
        }
    }

    private static byte[] Text(string text) => Encoding.UTF8.GetBytes(text + '\0');
}
