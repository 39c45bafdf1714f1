using System.Globalization;
using VirtualServices.Linux.Sockets;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Linux.Processes;

/// <summary>Finds the processes that selectors choose: for recordings, services' matches and front doors.</summary>
public static class SelectorResolver
{
    private const int Init = 1;

    /// <summary>Processes that any of the selectors chooses; for <c>pid</c> and <c>listen</c> with all descendants. This process itself is never chosen.</summary>
    /// <returns>An empty set where nothing matches: whether that is an error is the caller's matter.</returns>
    /// <remarks><see cref="SelectorKind.Client"/> and <see cref="SelectorKind.Host"/> choose connections, so no process.</remarks>
    public static HashSet<int> Resolve(IEnumerable<Selector> selectors, ProcessTable processes, SocketTable sockets)
    {
        ArgumentNullException.ThrowIfNull(selectors);
        ArgumentNullException.ThrowIfNull(processes);
        ArgumentNullException.ThrowIfNull(sockets);
        HashSet<int> chosen = [];
        foreach (Selector selector in selectors) Add(selector, processes, sockets, chosen);
        chosen.Remove(Environment.ProcessId);
        return chosen;
    }

    /// <summary>Tells whether a selector of the kinds <c>unit</c>, <c>cgroup</c>, <c>uid</c> or <c>exe</c> chooses a process by what it is; false for the other kinds.</summary>
    public static bool Matches(Selector selector, ProcessRecord process)
    {
        ArgumentNullException.ThrowIfNull(selector);
        ArgumentNullException.ThrowIfNull(process);
        return selector.Kind switch
        {
            SelectorKind.Unit => process.Cgroup.Split('/').Contains(selector.Value),
            SelectorKind.Cgroup => IsWithin(process.Cgroup, selector.Value),
            SelectorKind.Uid => process.Uid == uint.Parse(selector.Value, CultureInfo.InvariantCulture),
            SelectorKind.Exe => process.Exe == selector.Value,
            _ => false,
        };
    }

    private static void Add(Selector selector, ProcessTable processes, SocketTable sockets, HashSet<int> chosen)
    {
        switch (selector.Kind)
        {
            case SelectorKind.Pid:
                processes.AddWithDescendants(int.Parse(selector.Value, CultureInfo.InvariantCulture), chosen);
                break;
            case SelectorKind.Listen:
                foreach (int pid in Listeners(selector, processes, sockets)) processes.AddWithDescendants(pid, chosen);
                break;
            default:
                foreach (ProcessRecord process in processes.Processes)
                    if (Matches(selector, process)) chosen.Add(process.Pid);
                break;
        }
    }

    private static IEnumerable<int> Listeners(Selector selector, ProcessTable processes, SocketTable sockets)
    {
        if (!ListenAddress.TryParse(selector.Value, out ListenAddress address)) return [];
        HashSet<ulong> inodes = [.. sockets.Listeners(address).Select(socket => socket.Inode)];
        if (inodes.Count == 0) return [];

        // With socket activation systemd holds the listener, too: process 1 is everybody's ancestor and never the service.
        return SocketHolders.Find(processes.Processes.Select(process => process.Pid), inodes)
            .SelectMany(holders => holders.Value)
            .Select(holder => holder.Pid)
            .Where(pid => pid != Init)
            .Distinct();
    }

    private static bool IsWithin(string cgroup, string ancestor)
    {
        string root = ancestor.TrimEnd('/');
        return cgroup == root || root.Length == 0 || (cgroup.StartsWith(root, StringComparison.Ordinal) && cgroup[root.Length] == '/');
    }
}
