using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace VirtualServices.Rules.Editing;

/// <summary>An open folder: its lock orders writers, its fsync makes a rename last. .NET opens no folders.</summary>
internal static partial class FolderHandle
{
    private const int CloseOnExec = 0x80000;
    private const int Exclusive = 2;
    private const int Eintr = 4;

    /// <summary>Opens the folder and waits for its lock, which closing the handle gives back.</summary>
    public static SafeFileHandle OpenLocked(string path)
    {
        int descriptor = Open(path, DirectoryFlag | CloseOnExec);
        if (descriptor < 0) throw NativeError.Make($"opening folder {path}");
        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        while (Flock(handle, Exclusive) != 0)
        {
            if (Marshal.GetLastPInvokeError() == Eintr) continue;
            handle.Dispose();
            throw NativeError.Make($"locking folder {path}");
        }

        return handle;
    }

    /// <summary>Makes what was renamed in the folder last.</summary>
    public static void Sync(SafeFileHandle folder)
    {
        if (Fsync(folder) != 0) throw NativeError.Make("fsync of the folder");
    }

    /// <summary>O_DIRECTORY differs between architectures.</summary>
    private static int DirectoryFlag => RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x4000 : 0x10000;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Flock(SafeFileHandle file, int operation);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(SafeFileHandle file);
}
