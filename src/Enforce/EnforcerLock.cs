using System.Globalization;
using VirtualServices.Linux.Processes;
using VirtualServices.Model;

namespace VirtualServices.Enforce;

/// <summary>
/// At most one at a time on a host starts, changes or ends what is enforced: a locked file, which only root may open, because whoever can open it can lock it.
/// The kernel frees the lock of a killed process.
/// </summary>
internal sealed class EnforcerLock : IDisposable
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly FileStream _file;

    private EnforcerLock(FileStream file) => _file = file;

    /// <summary>Folder for what lives no longer than the host runs.</summary>
    public static string Folder { get; } = "/run/virtual-services";

    private static string FilePath => Path.Combine(Folder, "enforcer.lock");

    // Not in the locked file: .NET locks a file that it opens for reading, too.
    private static string EnforcerPath => Path.Combine(Folder, "enforcer.pid");

    /// <summary>Takes the lock for an enforcer, and says which process it is.</summary>
    /// <exception cref="VsException">Another enforcer has it.</exception>
    public static EnforcerLock TakeForEnforcer()
    {
        // Somebody who asks whether an enforcer runs holds the lock for a moment.
        const int Tries = 10;
        for (int i = 0; i < Tries; i++)
        {
            if (TryTake() is { } held)
            {
                int pid = Environment.ProcessId;
                File.WriteAllText(EnforcerPath, string.Create(CultureInfo.InvariantCulture, $"{pid} {ProcessStart.Of(pid)}"));
                return held;
            }

            if (IsHeld()) break;

            // Only somebody who asks has it, for the time of two system calls; a lock of a file has no event for its end.
            Thread.Sleep(10);
        }

        throw new VsException(ExitCode.DoesNotHold, Enforcer() is { } other
            ? $"another enforcer runs already (pid {other.ToString(CultureInfo.InvariantCulture)}): end it with Ctrl-C or 'vs stop'"
            : "another process is just changing what is enforced: try again");
    }

    /// <summary>Takes the lock, or gives null where another process has it.</summary>
    public static EnforcerLock? TryTake()
    {
        try
        {
            Directory.CreateDirectory(Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
            FileStream file = new(FilePath, new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None, UnixCreateMode = Private });
            File.SetUnixFileMode(file.SafeFileHandle, Private); // an older version let everybody read it
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

    /// <summary>True while a process holds the lock, an enforcer or one that ends what a dead one left.</summary>
    public static bool IsHeld()
    {
        if (!File.Exists(FilePath)) return false;
        try
        {
            using FileStream probe = new(FilePath, FileMode.Open, FileAccess.Read, FileShare.Read);
            return false;
        }
        catch (UnauthorizedAccessException error)
        {
            throw new VsException(ExitCode.Permission, $"cannot look at {FilePath}: run as root", error);
        }
        catch (IOException)
        {
            return true;
        }
    }

    /// <summary>The enforcer that holds the lock now; null where none does, or it has not said yet which process it is. Never a process that got the number of a dead one.</summary>
    public static int? Enforcer()
    {
        if (!IsHeld()) return null;
        try
        {
            string[] words = File.ReadAllText(EnforcerPath).Split(' ');
            return words.Length == 2
                && int.TryParse(words[0], CultureInfo.InvariantCulture, out int pid)
                && long.TryParse(words[1], CultureInfo.InvariantCulture, out long started)
                && ProcessStart.Of(pid) == started ? pid : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Frees the lock. The file stays: removing it would let two processes lock two files of the same name.</summary>
    public void Dispose()
    {
        File.Delete(EnforcerPath); // also what a killed enforcer left
        _file.Dispose();
    }
}
