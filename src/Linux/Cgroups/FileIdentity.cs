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

    /// <summary>Removes a control group: rmdir although it shows files, which System.IO would try to delete.</summary>
    internal static void RemoveFolder(string path)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            if (LibC.rmdir(name) == 0) return;
            throw new IOException($"{path}: {new Win32Exception(LibC.errno).Message}");
        }
    }
}
