using System.Globalization;
using VirtualServices.Linux.Processes;

namespace VirtualServices.Enforce.Admission;

/// <summary>
/// Whether a process with connections waits in epoll, poll or select before it receives. A receive that waits while its connection is held would wait until the connection ends. A process without
/// connections shows nothing; whatever was shown, each connection is looked at again when it is held, and let go once a receive that may wait is seen on it.
/// </summary>
internal static class WaitEvidence
{
    // What somebody else's process does is sampled: nothing tells when it next waits.
    private const int Looks = 40;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);

    // x86-64 and arm64 number their calls differently; none of these numbers is a receiving call on the other.
    private static readonly HashSet<int> WaitCalls = System.Runtime.InteropServices.RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.X64
        ? [232, 281, 441, 7, 271, 23, 270] // epoll_wait, epoll_pwait, epoll_pwait2, poll, ppoll, select, pselect6
        : [22, 441, 73, 72];

    private static readonly HashSet<int> AcceptCalls = System.Runtime.InteropServices.RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.X64
        ? [43, 288] // accept, accept4
        : [202, 242];

    /// <summary>What was seen of a process.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="list">Lists its connections.</param>
    /// <param name="shown">False where nothing was seen that decides: a process without connections that sleeps in other calls.</param>
    /// <param name="once">Looks once, where it was looked at before and nothing was shown.</param>
    /// <returns>Null where it waits as it must, or nothing is shown; else the reason.</returns>
    public static string? Missing(int pid, Func<AdmissionRecord[]> list, out bool shown, bool once = false)
    {
        shown = true;
        AdmissionRecord[] first = list();
        bool waits = false, accepts = false;
        for (int look = 0; look < (once ? 1 : Looks); look++)
        {
            if (look > 0) Thread.Sleep(Pause);
            waits = Waits(pid);
            accepts = !waits && first.Length == 0 && IsIn(pid, AcceptCalls);
            if (waits || accepts) break;
        }

        if (first.Length == 0)
        {
            shown = waits || accepts;
            return accepts ? string.Create(CultureInfo.InvariantCulture, $"process {pid} waits in accept and in no call for many connections: it serves one at a time, with receives that wait") : null;
        }

        // Twice, for a service may accept first and make the connection non-blocking then.
        HashSet<ulong> blocking = [.. first.Where(connection => connection.Blocks != 0).Select(connection => connection.Connection)];
        if (blocking.Count > 0) Thread.Sleep(Pause);
        foreach (AdmissionRecord connection in blocking.Count > 0 ? list() : [])
            if (connection.Blocks != 0 && blocking.Contains(connection.Connection))
                return string.Create(CultureInfo.InvariantCulture, $"process {pid} receives with calls that wait (descriptor {connection.Descriptor}): held, one would wait until the connection ends");
        return waits ? null : string.Create(CultureInfo.InvariantCulture, $"process {pid} was not seen waiting in epoll, poll or select, nor holds an epoll descriptor");
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

    private static bool Waits(int pid) => IsIn(pid, WaitCalls) || HoldsEpoll(pid);

    // Some thread of it sleeps in one of these calls.
    private static bool IsIn(int pid, HashSet<int> calls)
    {
        foreach (int thread in ProcessTable.Threads(pid))
        {
            try
            {
                string call = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/task/{thread}/syscall"));
                if (int.TryParse(call.AsSpan(0, Math.Max(0, call.IndexOf(' ', StringComparison.Ordinal))), CultureInfo.InvariantCulture, out int number) && calls.Contains(number)) return true;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // The thread ended.
            }
        }

        return false;
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
