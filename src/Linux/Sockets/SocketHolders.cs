using System.Globalization;
using VirtualServices.Linux.Processes;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Linux.Sockets;

/// <summary>Finds who holds which socket or pipe, by one pass over /proc/PID/fd.</summary>
public static class SocketHolders
{
    /// <summary>Holders of the sockets with the given inode numbers among the given processes. Processes that end meanwhile are left out.</summary>
    /// <param name="processes">Processes to look at.</param>
    /// <param name="inodes">Inode numbers to look for; null for all sockets and pipes.</param>
    /// <returns>Inode number to holders, in the order of the processes.</returns>
    public static Dictionary<ulong, List<SocketHolder>> Find(IEnumerable<int> processes, IReadOnlySet<ulong>? inodes = null)
        => Find(processes, inodes, out _);

    /// <summary>As above; also tells which of the inode numbers are pipes.</summary>
    public static Dictionary<ulong, List<SocketHolder>> Find(IEnumerable<int> processes, IReadOnlySet<ulong>? inodes, out HashSet<ulong> pipes)
    {
        ArgumentNullException.ThrowIfNull(processes);
        Dictionary<ulong, List<SocketHolder>> holders = [];
        pipes = [];
        foreach (int pid in processes)
        {
            string folder = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/fd");
            foreach (int fd in Procfs.Numbers(folder))
            {
                string? target = Procfs.ReadLink(string.Create(CultureInfo.InvariantCulture, $"{folder}/{fd}"));
                if (target is null || !TryParse(target, out ulong inode, out bool pipe)) continue;
                if (inodes is not null && !inodes.Contains(inode)) continue;
                if (pipe) pipes.Add(inode);
                if (!holders.TryGetValue(inode, out List<SocketHolder>? list)) holders[inode] = list = [];
                list.Add(new SocketHolder(pid, fd));
            }
        }

        return holders;
    }

    /// <summary>Inode number of the socket behind a descriptor of a process; null where it is none, or gone.</summary>
    public static ulong? InodeOf(int pid, int fd) =>
        Procfs.ReadLink(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/fd/{fd}")) is { } target && TryParse(target, out ulong inode, out bool pipe) && !pipe ? inode : null;

    /// <summary>Reads <c>socket:[N]</c> and <c>pipe:[N]</c>.</summary>
    internal static bool TryParse(string target, out ulong inode, out bool pipe)
    {
        pipe = target.StartsWith("pipe:[", StringComparison.Ordinal);
        inode = 0;
        if (!pipe && !target.StartsWith("socket:[", StringComparison.Ordinal)) return false;
        int open = target.IndexOf('[', StringComparison.Ordinal);
        return ulong.TryParse(target.AsSpan(open + 1, target.Length - open - 2), NumberStyles.None, CultureInfo.InvariantCulture, out inode);
    }
}
