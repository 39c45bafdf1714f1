using System.ComponentModel;
using System.Text;
using Tmds.Linux;

namespace VirtualServices.Linux.Cgroups;

/// <summary>What System.IO does not tell or do for control groups.</summary>
internal static unsafe class FileIdentity
{
    /// <summary>Inode number of a path.</summary>
    /// <exception cref="IOException">There is no such path.</exception>
    internal static ulong Inode(string path)
    {
        stat status;
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
            return LibC.stat(name, &status) == 0 ? (ulong)status.st_ino : throw new IOException($"{path}: {new Win32Exception(LibC.errno).Message}");
    }

    /// <summary>Inode and device of a file, the device as the kernel encodes it inside; null where there is none.</summary>
    internal static (ulong Inode, ulong Device)? OfFile(string path)
    {
        stat status;
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
            if (LibC.stat(name, &status) != 0) return null;
        // User space sees 12 bits of major between 20 bits of minor (new_encode_dev); the kernel has the major above the minor.
        ulong device = (ulong)status.st_dev;
        return ((ulong)status.st_ino, (((device >> 8) & 0xfff) << 20) | (device & 0xff) | ((device >> 12) & 0xfff00));
    }

    /// <summary>Removes a control group: rmdir although it shows files, which System.IO would try to delete.</summary>
    /// <returns>False where something is still in it (EBUSY).</returns>
    internal static bool RemoveFolder(string path)
    {
        const int Busy = 16; // EBUSY
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            if (LibC.rmdir(name) == 0) return true;
            return LibC.errno == Busy ? false : throw new IOException($"{path}: {new Win32Exception(LibC.errno).Message}");
        }
    }
}
