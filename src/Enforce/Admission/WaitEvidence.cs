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

    /// <summary>What was seen of a process.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="connections">Its connections.</param>
    /// <param name="seenBlocking">Those that were so a moment before, too: a service may accept first and make the connection non-blocking then.</param>
    /// <returns>Null where it is proven, or serves no connection yet (each is looked at again when it is held); else the reason.</returns>
    public static string? Missing(int pid, IReadOnlyCollection<AdmissionRecord> connections, IReadOnlySet<ulong> seenBlocking)
    {
        if (connections.Count == 0) return null;
        foreach (AdmissionRecord connection in connections)
            if (connection.Blocks != 0 && seenBlocking.Contains(connection.Connection))
                return string.Create(CultureInfo.InvariantCulture, $"process {pid} receives with calls that wait (descriptor {connection.Descriptor}): held, one would wait until the connection ends");
        for (int look = 0; look < Looks; look++)
        {
            if (Waits(pid)) return null;
            Thread.Sleep(Pause); // between two looks at what somebody else's process does
        }

        return string.Create(CultureInfo.InvariantCulture, $"process {pid} was not seen waiting in epoll, poll or select, nor holds an epoll descriptor");
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
