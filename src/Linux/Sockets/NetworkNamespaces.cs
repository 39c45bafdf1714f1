using System.Globalization;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using VirtualServices.Linux.Processes;

namespace VirtualServices.Linux.Sockets;

/// <summary>Network namespaces that processes of this host live in.</summary>
internal static class NetworkNamespaces
{
    private const int CloneNewNet = 0x40000000;

    /// <summary>Inode of the namespace of a process; 0 where it is gone or may not be asked.</summary>
    internal static uint Of(string process)
    {
        string? link = Procfs.ReadLink($"/proc/{process}/ns/net");
        const string Prefix = "net:[";
        return link is not null && link.StartsWith(Prefix, StringComparison.Ordinal) && uint.TryParse(link.AsSpan(Prefix.Length, link.Length - Prefix.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out uint inode) ? inode : 0;
    }

    /// <summary>The namespaces other than ours, each with a process in it.</summary>
    internal static Dictionary<uint, int> Others()
    {
        uint own = Of("self");
        Dictionary<uint, int> others = [];
        foreach (int pid in Procfs.Numbers("/proc"))
        {
            uint inode = Of(pid.ToString(CultureInfo.InvariantCulture));
            if (inode != 0 && inode != own) others.TryAdd(inode, pid);
        }

        return others;
    }

    /// <summary>Runs an action on a thread of its own inside the namespace of a process. The thread ends after it: no other code ever runs in the wrong namespace.</summary>
    /// <returns>False where the process is gone or entering is not permitted.</returns>
    internal static bool TryRunIn(int pid, Action action)
    {
        bool entered = false;
        Exception? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                using SafeFileHandle file = File.OpenHandle(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/ns/net"));
                if (LibC.setns((int)file.DangerousGetHandle(), CloneNewNet) != 0) return;
                entered = true;
                action();
            }
            catch (IOException)
            {
                // The process ended, and perhaps its namespace with it.
            }
            catch (UnauthorizedAccessException)
            {
                // Not root: only our own namespace can be seen.
            }
            catch (Exception error)
            {
                failure = error;
            }
        });
        thread.Start();
        thread.Join();
        return failure is null ? entered : throw new InvalidOperationException("listing sockets of another network namespace failed", failure);
    }
}
