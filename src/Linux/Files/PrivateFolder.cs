using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using VirtualServices.Model;

namespace VirtualServices.Linux.Files;

/// <summary>A folder of ours (0700) whose files (0600) are always made anew and never reached through a link that somebody placed: every name is resolved in the opened folder.</summary>
public sealed unsafe partial class PrivateFolder : IDisposable
{
    private const int Absent = 2, Exists = 17, NoFolder = 20, NotEmpty = 39;
    private readonly SafeFileHandle _folder;
    private readonly bool _made;

    private PrivateFolder(SafeFileHandle folder, string path, bool made)
    {
        _folder = folder;
        Path = path;
        _made = made;
    }

    /// <summary>Path as given.</summary>
    public string Path { get; }

    private int Descriptor => (int)_folder.DangerousGetHandle();

    /// <summary>Makes the folder. One that exists is taken only where it is empty, ours and a real folder.</summary>
    /// <exception cref="VsException">Exit code 2: there is no folder to make it in, it is a file, holds something or is in use: another name will do. 5: it is a link, belongs to somebody else, or may not be made. 4: the host cannot make it.</exception>
    public static PrivateFolder Create(string path)
    {
        // The kernel follows a link whose name ends with a slash whatever it is told, and shells add one when they complete a name.
        path = WithoutSlash(path);
        byte[] name = Name(path);
        bool made;
        fixed (byte* text = name)
        {
            made = LibC.mkdir(text, LibC.S_IRWXU) == 0;
            int failed = made ? 0 : LibC.errno;
            if (failed is Absent or NoFolder) throw new VsException(ExitCode.Usage, $"cannot make folder '{path}': '{System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))}' is no folder. Make it first, or name another.");
            if (failed is not (0 or Exists)) throw Failed("make folder", path, failed);
            int fd = LibC.open(text, LibC.O_RDONLY | LibC.O_DIRECTORY | LibC.O_NOFOLLOW | LibC.O_CLOEXEC);
            if (fd < 0) throw NotOpened(text, path, LibC.errno);

            PrivateFolder folder = new(new SafeFileHandle(fd, ownsHandle: true), path, made);
            try
            {
                folder.CheckOwner();
                folder.Lock();
                if (!made && Directory.EnumerateFileSystemEntries(path).Any())
                    throw new VsException(ExitCode.Usage, $"folder '{path}' is not empty. Name a new folder, or remove what is in it.");
                if (LibC.fchmod(fd, LibC.S_IRWXU) != 0) throw Failed("restrict folder", path, LibC.errno);
                return folder;
            }
            catch
            {
                folder.Dispose();
                throw;
            }
        }
    }

    /// <summary>Makes a file for writing; it must not exist.</summary>
    public FileStream CreateFile(string name)
    {
        fixed (byte* text = Name(name))
        {
            int fd = LibC.openat(Descriptor, text, LibC.O_WRONLY | LibC.O_CREAT | LibC.O_EXCL | LibC.O_NOFOLLOW | LibC.O_CLOEXEC, LibC.S_IRUSR | LibC.S_IWUSR);
            if (fd < 0) throw Failed("make file", $"{Path}/{name}", LibC.errno);
            return new FileStream(new SafeFileHandle(fd, ownsHandle: true), FileAccess.Write, bufferSize: 0);
        }
    }

    /// <summary>Writes a file so that readers see either the old or the new contents, never a part.</summary>
    public void Replace(string name, ReadOnlySpan<byte> contents)
    {
        string temporary = name + ".new";
        fixed (byte* from = Name(temporary))
        fixed (byte* to = Name(name))
        {
            Remove(temporary);
            bool replaced = false;
            try
            {
                using (FileStream file = CreateFile(temporary)) file.Write(contents);
                if (renameat(Descriptor, from, Descriptor, to) != 0) throw Failed("replace file", $"{Path}/{name}", Marshal.GetLastPInvokeError());
                replaced = true;
            }
            finally
            {
                // On a full disk half of it would stay. Should this fail, too, the first failure is the one to tell.
                if (!replaced) _ = LibC.unlinkat(Descriptor, from, 0);
            }
        }
    }

    /// <summary>Removes a file that was made here; no error where it is absent.</summary>
    public void Remove(string name)
    {
        fixed (byte* text = Name(name))
            if (LibC.unlinkat(Descriptor, text, 0) != 0 && LibC.errno != Absent) throw Failed("remove file", $"{Path}/{name}", LibC.errno);
    }

    /// <summary>Removes the folder where this object made it and it is empty: a recording that never began leaves nothing behind.</summary>
    public void RemoveIfEmpty()
    {
        if (!_made) return;
        fixed (byte* text = Name(Path))
            if (LibC.rmdir(text) != 0 && LibC.errno != NotEmpty) throw Failed("remove folder", Path, LibC.errno);
    }

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    // A link may be somebody's trap; a file is a wrong name.
    private static VsException NotOpened(byte* text, string path, int errno)
    {
        stat status;
        if (LibC.lstat(text, &status) != 0) return Failed("open folder", path, errno);
        return ((uint)status.st_mode & (uint)LibC.S_IFMT) switch
        {
            var kind when kind == (uint)LibC.S_IFLNK => new VsException(ExitCode.Permission, $"cannot use '{path}': it is a link, and whoever placed it could lead what is written elsewhere. Name a folder that does not exist yet."),
            var kind when kind == (uint)LibC.S_IFDIR => Failed("open folder", path, errno),
            _ => new VsException(ExitCode.Usage, $"cannot use '{path}': it is no folder. Name a folder that does not exist yet."),
        };
    }

    private void CheckOwner()
    {
        stat status;
        if (LibC.fstat(Descriptor, &status) != 0) throw Failed("inspect folder", Path, LibC.errno);
        if ((uint)status.st_uid != (uint)LibC.geteuid())
            throw new VsException(ExitCode.Permission, $"folder '{Path}' belongs to user {(uint)status.st_uid}, who could read what is written there. Name a new folder.");
    }

    // Two that find the folder empty at the same time would write over each other. What cannot be locked is taken without.
    private void Lock()
    {
        const int ExclusiveNoWait = 2 | 4, WouldBlock = 11;
        if (flock(Descriptor, ExclusiveNoWait) != 0 && Marshal.GetLastPInvokeError() == WouldBlock)
            throw new VsException(ExitCode.Usage, $"folder '{Path}' is in use: another vs is writing a session there. Name a new folder.");
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int flock(int file, int operation);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int renameat(int fromFolder, byte* from, int toFolder, byte* to);

    private static string WithoutSlash(string path)
    {
        string name = path.TrimEnd('/');
        if (name.Length == 0) return path;
        return name.EndsWith("/.", StringComparison.Ordinal) ? WithoutSlash(name[..^1]) : name;
    }

    private static byte[] Name(string path) => Encoding.UTF8.GetBytes(path + '\0');

    private static VsException Failed(string operation, string path, int errno)
        => new(errno is 13 or 1 ? ExitCode.Permission : ExitCode.HostLacks, $"cannot {operation} '{path}': {Marshal.GetPInvokeErrorMessage(errno)}");
}
