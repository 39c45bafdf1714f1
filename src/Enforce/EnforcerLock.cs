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
            file.Write(System.Text.Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
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
        if (!File.Exists(FilePath)) return null;
        try
        {
            using FileStream probe = new(FilePath, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return null;
        }
        catch (IOException)
        {
            using FileStream file = new(FilePath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using StreamReader reader = new(file);
            return int.TryParse(reader.ReadToEnd(), CultureInfo.InvariantCulture, out int pid) ? pid : null;
        }
    }

    /// <summary>Frees the lock and removes the file.</summary>
    public void Dispose()
    {
        File.Delete(FilePath);
        _file.Dispose();
    }
}
