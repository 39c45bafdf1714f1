using System.Text;
using Tmds.Linux;

namespace VirtualServices.Linux.Files;

/// <summary>Which file a path leads to: two paths with the same id are the same file, whatever links are between.</summary>
/// <param name="Device">Device of the file system.</param>
/// <param name="Inode">Inode number there.</param>
/// <param name="IsRegular">False for folders, devices, pipes, sockets.</param>
public readonly record struct FileId(ulong Device, ulong Inode, bool IsRegular)
{
    /// <summary>The file behind a path; null where there is none.</summary>
    public static unsafe FileId? Of(string path)
    {
        const uint TypeMask = 0xF000, Regular = 0x8000;
        stat status;
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
            if (LibC.stat(name, &status) != 0) return null;
        return new FileId((ulong)status.st_dev, (ulong)status.st_ino, ((uint)status.st_mode & TypeMask) == Regular);
    }
}
