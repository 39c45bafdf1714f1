using Microsoft.Win32.SafeHandles;
using VirtualServices.Model;

namespace VirtualServices.Rules.Editing;

/// <summary>Replaces a file so that it is either the old or the new one, also after a crash, with mode and owner kept.</summary>
internal static class AtomicFile
{
    private const int MostLinks = 40; // the kernel's own bound

    private const UnixFileMode NewFileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>Writes the bytes.</summary>
    /// <param name="path">The file; where it is a symbolic link of this user or of root, the link's target is replaced and the link stays.</param>
    /// <param name="bytes">New contents.</param>
    /// <param name="expected">What the file held when it was read: changed by somebody else since, it is left alone. Null: whatever it holds is replaced.</param>
    /// <exception cref="VsException">Permission (5), also where a link on the way belongs to somebody else, or a failure of the file system (1); the file is untouched.</exception>
    public static void Write(string path, byte[] bytes, byte[]? expected)
    {
        try
        {
            string target = Target(path);
            string folder = Path.GetDirectoryName(target) ?? "/";

            // The lock of the folder keeps two `vs approve` from losing each other's work between the comparison and the rename.
            using SafeFileHandle folderHandle = FolderHandle.OpenLocked(folder);
            if (expected is not null && !File.ReadAllBytes(target).AsSpan().SequenceEqual(expected))
                throw new VsException(ExitCode.DoesNotHold, $"{path}: was changed by somebody else meanwhile and is left as it is; run the command again");
            Replace(target, folder, bytes);
            FolderHandle.Sync(folderHandle);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new VsException(ExitCode.Permission, $"{path}: may not be written by this user, the file is untouched: {e.Message}", e);
        }
        catch (DirectoryNotFoundException e)
        {
            throw new VsException(ExitCode.Usage, $"{path}: its folder does not exist; make it first", e);
        }
        catch (IOException e)
        {
            throw new VsException(ExitCode.DoesNotHold, $"{path}: cannot be written, the file is untouched: {e.Message}", e);
        }
    }

    // Link by link: whoever placed one chooses what is overwritten, so each must be of this user or of root.
    private static string Target(string path)
    {
        // Whole first: of a link that is named without its folder, ResolveLinkTarget looks for the target in the root.
        string target = Path.GetFullPath(path);
        for (int links = 0; new FileInfo(target).LinkTarget is not null; links++)
        {
            if (links == MostLinks) throw new IOException($"more than {MostLinks} links lead to each other");
            (uint owner, _) = FileOwner.Of(target, FileOwner.OfLink);
            if (owner != 0 && owner != FileOwner.ThisUser)
                throw new VsException(ExitCode.Permission, $"{path}: {target} is a link of user {owner}, who could lead what is written elsewhere; name the file itself");
            target = File.ResolveLinkTarget(target, returnFinalTarget: false)!.FullName;
        }

        return target;
    }

    private static void Replace(string target, string folder, byte[] bytes)
    {
        if (OperatingSystem.IsWindows()) throw new PlatformNotSupportedException("rule files are written on Linux");
        string temporary = Path.Combine(folder, $".{Path.GetFileName(target)}.{Path.GetRandomFileName()}");
        bool exists = File.Exists(target);
        bool renamed = false;

        // CreateNew is O_CREAT | O_EXCL: it fails on anything that exists, a planted link included. Where it replaces a file, others may read it only once it has that file's mode.
        using var stream = new FileStream(temporary, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = exists ? UnixFileMode.UserRead | UnixFileMode.UserWrite : NewFileMode,
            BufferSize = 0,
        });
        try
        {
            stream.Write(bytes);
            if (exists)
            {
                FileOwner.Copy(target, stream.SafeFileHandle);
                File.SetUnixFileMode(stream.SafeFileHandle, File.GetUnixFileMode(target));
            }

            stream.Flush(flushToDisk: true);
            File.Move(temporary, target, overwrite: true);
            renamed = true;
        }
        finally
        {
            if (!renamed) File.Delete(temporary);
        }
    }
}
