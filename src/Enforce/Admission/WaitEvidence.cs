using System.Globalization;
using VirtualServices.Linux.Processes;

namespace VirtualServices.Enforce.Admission;

/// <summary>
/// Proves that processes wait in epoll, poll or select before they receive. A receive that blocks while its connection is held would hang until the
/// connection ends, so without this proof nothing is held; besides, each connection must be non-blocking when it is held.
/// </summary>
internal static class WaitEvidence
{
    private const int Looks = 40;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);

    // x86-64 and arm64 number their calls differently; none of these numbers is a receiving call on the other.
    private static readonly HashSet<int> WaitCalls = System.Runtime.InteropServices.RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.X64
        ? [232, 281, 441, 7, 271, 23, 270] // epoll_wait, epoll_pwait, epoll_pwait2, poll, ppoll, select, pselect6
        : [22, 441, 73, 72];

    /// <summary>What was seen of a service's processes.</summary>
    /// <returns>Null where each that serves connections is proven; else the reason.</returns>
    public static string? Missing(IReadOnlyCollection<int> pids, IReadOnlyCollection<AdmissionRecord> connections)
    {
        if (pids.Count == 0) return null; // nothing runs yet; each connection is looked at when it is held
        const uint NonBlocking = 0x800;
        foreach (AdmissionRecord connection in connections)
            if ((connection.Flags & NonBlocking) == 0)
                return string.Create(CultureInfo.InvariantCulture, $"process {connection.Pid} receives with blocking calls (descriptor {connection.Descriptor} is not O_NONBLOCK)");
        for (int look = 0; look < Looks; look++)
        {
            if (pids.Any(Waits)) return null;
            Thread.Sleep(Pause);
        }

        return string.Create(CultureInfo.InvariantCulture, $"none of its processes ({string.Join(", ", pids.Take(5))}) was seen waiting in epoll, poll or select, nor holds an epoll descriptor");
    }

    /// <summary>Network namespace of a process; null where it ended.</summary>
    public static string? NamespaceOf(int pid)
    {
        try
        {
            return new FileInfo(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/ns/net")).LinkTarget;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static bool Waits(int pid)
    {
        foreach (int thread in ProcessTable.Threads(pid))
        {
            try
            {
                string call = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/task/{thread}/syscall"));
                if (int.TryParse(call.AsSpan(0, Math.Max(0, call.IndexOf(' ', StringComparison.Ordinal))), CultureInfo.InvariantCulture, out int number) && WaitCalls.Contains(number)) return true;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // The thread ended.
            }
        }

        return HoldsEpoll(pid);
    }

    // A loop that is never seen waiting because it is busy still holds its epoll descriptor.
    private static bool HoldsEpoll(int pid)
    {
        try
        {
            foreach (string descriptor in Directory.EnumerateFileSystemEntries(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/fd")))
                if (new FileInfo(descriptor).LinkTarget == "anon_inode:[eventpoll]") return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The process ended.
        }

        return false;
    }
}
