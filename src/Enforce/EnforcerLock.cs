using System.Globalization;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using VirtualServices.Linux.Processes;
using VirtualServices.Model;

namespace VirtualServices.Enforce;

/// <summary>At most one enforcer on a host: a locked file that names it. The kernel frees the lock of a killed process.</summary>
internal sealed class EnforcerLock : IDisposable
{
    private readonly FileStream _file;

    private EnforcerLock(FileStream file) => _file = file;

    /// <summary>Folder for what lives no longer than the host runs.</summary>
    public static string Folder { get; } = "/run/virtual-services";

    private static string FilePath => Path.Combine(Folder, "enforcer");

    /// <summary>Takes the lock.</summary>
    /// <exception cref="VsException">Another enforcer has it.</exception>
    public static EnforcerLock Take() =>
        TryTake() ?? throw new VsException(ExitCode.DoesNotHold, $"another enforcer runs already (pid {Holder()?.ToString(CultureInfo.InvariantCulture) ?? "unknown"}): end it with Ctrl-C or 'vs stop'");

    /// <summary>Takes the lock, or gives null where another process has it.</summary>
    public static EnforcerLock? TryTake()
    {
        try
        {
            Directory.CreateDirectory(Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
            FileStream file = new(FilePath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            file.SetLength(0);
            file.Write(System.Text.Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId} {ProcessTable.TryRead(Environment.ProcessId)?.StartTimeNs}")));
            file.Flush();
            return new EnforcerLock(file);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new VsException(ExitCode.Permission, $"cannot lock {FilePath}: run as root", error);
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Process that holds the lock now; null where none does.</summary>
    public static int? Holder()
    {
        // The lock itself is not tried: whoever only asks must not make an enforcer fail that starts at the same moment.
        string[] words = ReadWithoutLock().Split(' ');
        if (words.Length != 2
            || !int.TryParse(words[0], CultureInfo.InvariantCulture, out int pid)
            || !long.TryParse(words[1], CultureInfo.InvariantCulture, out long started))
            return null;
        return ProcessTable.TryRead(pid)?.StartTimeNs == started ? pid : null;
    }

    // .NET locks every file that it opens by name, if only against writers, and would fail on the enforcer's lock.
    private static unsafe string ReadWithoutLock()
    {
        fixed (byte* path = System.Text.Encoding.UTF8.GetBytes(FilePath + "\0"))
        {
            int fd = LibC.open(path, LibC.O_RDONLY | LibC.O_CLOEXEC | LibC.O_NOFOLLOW);
            if (fd < 0) return "";
            using SafeFileHandle file = new(fd, ownsHandle: true);
            byte[] text = new byte[64];
            return System.Text.Encoding.ASCII.GetString(text, 0, RandomAccess.Read(file, text, 0));
        }
    }

    /// <summary>Frees the lock and removes the file.</summary>
    public void Dispose()
    {
        File.Delete(FilePath);
        _file.Dispose();
    }
}
