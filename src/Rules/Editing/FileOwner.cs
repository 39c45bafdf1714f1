using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace VirtualServices.Rules.Editing;

/// <summary>Owner and group of files, which .NET does not know.</summary>
internal static partial class FileOwner
{
    private const int AtCurrentFolder = -100;
    private const uint UidAndGid = 0x8 | 0x10;

    /// <summary>Size of struct statx, the same on every architecture (unlike struct stat's), as are the places of uid and gid in it.</summary>
    private const int StatxSize = 256;
    private const int UidOffset = 20;
    private const int GidOffset = 24;

    /// <summary>Gives the open file the owner and group of another one.</summary>
    /// <exception cref="UnauthorizedAccessException">This user may not.</exception>
    public static void Copy(string from, SafeFileHandle to)
    {
        (uint uid, uint gid) = Of(from);
        if (Fchown(to, uid, gid) != 0) throw NativeError.Make($"keeping the owner {uid}:{gid} of {from}");
    }

    /// <summary>For <see cref="Of"/>: of a link itself, not of what it leads to (AT_SYMLINK_NOFOLLOW).</summary>
    internal const int OfLink = 0x100;

    internal static uint ThisUser => EffectiveUser();

    internal static (uint Uid, uint Gid) Of(string path, int flags = 0)
    {
        Span<byte> buffer = stackalloc byte[StatxSize];
        if (Statx(AtCurrentFolder, path, flags, UidAndGid, buffer) != 0) throw NativeError.Make($"statx of {path}");
        return (BinaryPrimitives.ReadUInt32LittleEndian(buffer[UidOffset..]), BinaryPrimitives.ReadUInt32LittleEndian(buffer[GidOffset..]));
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, Span<byte> buffer);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();

    [LibraryImport("libc", EntryPoint = "fchown", SetLastError = true)]
    private static partial int Fchown(SafeFileHandle file, uint uid, uint gid);
}
