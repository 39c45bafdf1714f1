using System.Globalization;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using VirtualServices.Linux.Cgroups;
using VirtualServices.Linux.Sockets;
using VirtualServices.Model;

namespace VirtualServices.Linux.Network;

/// <summary>A network namespace, held open: it lives at least as long as this object.</summary>
public sealed partial class NetworkNamespace : IDisposable
{
    /// <summary>Where ip-netns(8) and container runtimes keep the names.</summary>
    public const string Folder = "/run/netns";

    private const int CloneNewNet = 0x40000000;
    private const string Own = "/proc/self/ns/net";
    private readonly SafeFileHandle _file;

    private NetworkNamespace(SafeFileHandle file, string name, ulong inode)
    {
        _file = file;
        Name = name;
        Inode = inode;
    }

    /// <summary>Name below <c>/run/netns</c> or path of the file; empty for the own one.</summary>
    public string Name { get; }

    /// <summary>Number that names it on this host while it lives.</summary>
    public ulong Inode { get; }

    /// <summary>Opens a namespace.</summary>
    /// <param name="name">Name below <c>/run/netns</c>, absolute path such as <c>/proc/4711/ns/net</c>, or empty for the own one.</param>
    /// <returns>Null where there is none of that name now.</returns>
    /// <exception cref="VsException">It may not be opened, or the file is no network namespace.</exception>
    public static NetworkNamespace? TryOpen(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        string path = name.Length == 0 ? Own : Path.Combine(Folder, name);
        try
        {
            SafeFileHandle file = File.OpenHandle(path);
            ulong inode = FileIdentity.Inode(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{file.DangerousGetHandle()}"));
            return new NetworkNamespace(file, name, inode);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (UnauthorizedAccessException error)
        {
            throw new VsException(ExitCode.Permission, $"cannot open network namespace {path}: {error.Message}: run as root", error);
        }
        catch (IOException)
        {
            return null; // ended meanwhile
        }
    }

    /// <summary>Number of the namespace that has a name now; null where there is none.</summary>
    public static ulong? InodeOf(string name)
    {
        try
        {
            return FileIdentity.Inode(name.Length == 0 ? Own : Path.Combine(Folder, name));
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Names below <c>/run/netns</c> at this moment.</summary>
    public static IReadOnlyList<string> Names() =>
        Directory.Exists(Folder) ? [.. Directory.GetFiles(Folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)] : [];

    /// <summary>Files of all namespaces that have a name or a process; some of them are of the same namespace.</summary>
    public static IReadOnlyList<string> Everywhere() =>
        ["", .. Names(), .. NetworkNamespaces.Others().Values.Select(pid => string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/ns/net"))];

    /// <summary>Runs a function on a thread of its own inside the namespace. What it opens there stays there; no other code ever runs in the wrong namespace.</summary>
    public T Run<T>(Func<T> function) => OnThread(
        () => LibC.setns((int)_file.DangerousGetHandle(), CloneNewNet) == 0,
        $"enter network namespace {(Name.Length > 0 ? Name : Own)}",
        function);

    /// <summary>Runs a function inside a new namespace, which has a loopback device only and ends after it.</summary>
    public static T RunInNew<T>(Func<T> function) => OnThread(() => unshare(CloneNewNet) == 0, "make a network namespace", function);

    private static T OnThread<T>(Func<bool> enter, string operation, Func<T> function)
    {
        T? result = default;
        Exception? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                if (!enter()) throw new VsException(ExitCode.Permission, $"cannot {operation}: run as root with CAP_SYS_ADMIN");
                result = function();
            }
            catch (Exception error)
            {
                failure = error;
            }
        });
        thread.Start();
        thread.Join();
        if (failure is not null) ExceptionDispatchInfo.Throw(failure);
        return result!;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int unshare(int flags);

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
