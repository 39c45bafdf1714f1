using System.Globalization;
using VirtualServices.Model;

namespace VirtualServices.Enforce;

/// <summary>At most one enforcer on a host: a locked file that names it. The kernel frees the lock of a killed process.</summary>
internal sealed class EnforcerLock : IDisposable
{
    private readonly FileStream _file;

    private EnforcerLock(FileStream file) => _file = file;

    /// <summary>Folder for what lives no longer than the host runs.</summary>
    public static string Folder { get; } = "/run/virtual-services";

    private static string FilePath => Path.Combine(Folder, "enforcer.lock");

    // Not in the locked file: .NET locks a file that it opens for reading, too.
    private static string PidPath => Path.Combine(Folder, "enforcer.pid");

    /// <summary>Takes the lock.</summary>
    /// <exception cref="VsException">Another enforcer has it.</exception>
    public static EnforcerLock Take()
    {
        // Somebody who asks whether an enforcer runs holds the lock for a moment.
        const int Tries = 10;
        for (int i = 0; i < Tries; i++)
        {
            if (TryTake() is { } held) return held;
            if (Holder() is null) Thread.Sleep(10);
        }

        throw new VsException(ExitCode.DoesNotHold, $"another enforcer runs already (pid {Holder()?.ToString(CultureInfo.InvariantCulture) ?? "unknown"}): end it with Ctrl-C or 'vs stop'");
    }

    /// <summary>Takes the lock, or gives null where another process has it.</summary>
    public static EnforcerLock? TryTake()
    {
        try
        {
            Directory.CreateDirectory(Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
            FileStream file = new(FilePath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            File.WriteAllText(PidPath, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
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

    /// <summary>Process that holds the lock now; 0 where it has not said its number yet, null where none does.</summary>
    public static int? Holder()
    {
        if (!File.Exists(FilePath)) return null;
        try
        {
            using FileStream probe = new(FilePath, FileMode.Open, FileAccess.Read, FileShare.Read);
            return null;
        }
        catch (IOException)
        {
            return File.Exists(PidPath) && int.TryParse(File.ReadAllText(PidPath), CultureInfo.InvariantCulture, out int pid) ? pid : 0;
        }
    }

    /// <summary>Frees the lock. The file stays: removing it would let two processes lock two files of the same name.</summary>
    public void Dispose()
    {
        File.Delete(PidPath);
        _file.Dispose();
    }
}
