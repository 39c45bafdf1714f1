using VirtualServices.Linux.Netlink;
using VirtualServices.Linux.Network;
using VirtualServices.Linux.Tc;

namespace VirtualServices.Enforce.Network;

/// <summary>Takes our disciplines from devices, whoever put them there: the kernel's own list of devices is what counts, in every namespace that can be found.</summary>
internal static class NetworkUndo
{
    /// <summary>Takes all away.</summary>
    /// <returns>Devices that were given back.</returns>
    public static int All(NetworkKernel? kernel, Action<string>? log)
    {
        HashSet<ulong> seen = [];
        int removed = 0;
        IEnumerable<string> noted = kernel?.Devices().Values.Select(device => device.NetworkNamespace) ?? [];
        foreach (string name in NetworkNamespace.Everywhere().Concat(noted).Distinct().ToList())
        {
            using NetworkNamespace? space = NetworkNamespace.TryOpen(name);
            if (space is null || !seen.Add(space.Inode)) continue;
            using RouteSocket socket = space.Run(() => new RouteSocket());
            removed += In(space, socket, kernel, (_, _) => false);
        }

        if (removed > 0) log?.Invoke($"gave {removed} network devices back");
        return removed;
    }

    /// <summary>Gives back what an earlier rule set governed and this one does not.</summary>
    public static void RemoveUnlessNoted(NetworkKernel kernel, IReadOnlySet<(ulong Netns, int Index)> kept, Action<string>? log)
    {
        foreach (((ulong netns, int index), DeviceNote device) in kernel.Devices().Where(device => !kept.Contains(device.Key)).ToList())
        {
            using NetworkNamespace? space = NetworkNamespace.TryOpen(device.NetworkNamespace);
            if (space?.Inode == netns && device.Refusal.Length == 0)
            {
                using RouteSocket socket = space.Run(() => new RouteSocket());
                if (In(space, socket, kernel, (_, other) => other != index) > 0) log?.Invoke($"gave device {device.Name} back: these rules do not govern it");
            }

            kernel.Forget(netns, index);
        }
    }

    private static int In(NetworkNamespace space, RouteSocket socket, NetworkKernel? kernel, Func<ulong, int, bool> keep)
    {
        TrafficControl control = new(socket);
        int removed = 0;
        foreach (Qdisc one in control.Qdiscs().Where(one => DeviceShares.IsOurs(one) && !keep(space.Inode, one.Device)))
        {
            string name = NetworkDevice.All(socket).FirstOrDefault(device => device.Index == one.Device)?.Name ?? "?";

            // Killed between the discipline and its filter: then the note tells that it is ours.
            bool noted = kernel?.Devices().ContainsKey((space.Inode, one.Device)) == true;
            if (!noted && !control.Filters(one.Device, name, one.Handle).Contains(NetworkKernel.FilterName)) continue;
            control.RemoveRoot(one.Device, name, one.Handle);
            removed++;
        }

        return removed;
    }
}
