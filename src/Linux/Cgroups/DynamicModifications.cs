using System.ComponentModel;
using System.Text;
using Tmds.Linux;
using VirtualServices.Model;

namespace VirtualServices.Linux.Cgroups;

/// <summary>
/// Switches <c>favordynmods</c> on by mounting the hierarchy a second time at a place of our own, because what is mounted is never remounted.
/// The option belongs to the hierarchy, so it holds for the first mount, too.
/// </summary>
public static unsafe class DynamicModifications
{
    private const uint NoSetUid = 2, NoDevices = 4, NoExec = 8;

    /// <summary>Mounts; nothing is done where the option is on already.</summary>
    /// <returns>True where a mount of ours stands at <paramref name="mountPoint"/> now.</returns>
    /// <exception cref="VsException">The kernel refused.</exception>
    public static bool Enable(CgroupMount mount, string mountPoint)
    {
        ArgumentNullException.ThrowIfNull(mount);
        if (IsMounted(mountPoint)) return true;
        if (mount.FavorsDynamicModifications) return false;
        Mount(mount, mountPoint, [.. Kept(mount), "favordynmods"]);
        return true;
    }

    /// <summary>Switches the option off again, if our mount switched it on, and removes the mount.</summary>
    public static void Disable(CgroupMount mount, string mountPoint)
    {
        ArgumentNullException.ThrowIfNull(mount);
        if (!IsMounted(mountPoint)) return;
        Unmount(mountPoint);

        // The option outlives the mount: a mount without it takes it back.
        Mount(mount, mountPoint, Kept(mount));
        Unmount(mountPoint);
        Directory.Delete(mountPoint);
    }

    // A second mount sets the options of the hierarchy anew: all that were there must be named.
    private static IEnumerable<string> Kept(CgroupMount mount) => mount.Options.Where(option => option is not ("rw" or "ro" or "favordynmods"));

    private static bool IsMounted(string mountPoint) => CgroupMount.Find().Any(mount => mount.MountPoint == mountPoint);

    private static void Mount(CgroupMount mount, string mountPoint, IEnumerable<string> options)
    {
        Directory.CreateDirectory(mountPoint);
        string type = mount.Version == 2 ? "cgroup2" : "cgroup", data = string.Join(',', options);
        fixed (byte* source = Text(type), target = Text(mountPoint), text = Text(data))
        {
            if (LibC.mount(source, target, source, NoSetUid | NoDevices | NoExec, text) == 0) return;
            throw new VsException(ExitCode.HostLacks, $"cannot mount {type} with '{data}' at {mountPoint}: {new Win32Exception(LibC.errno).Message}");
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
