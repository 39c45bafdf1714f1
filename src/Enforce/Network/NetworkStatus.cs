using VirtualServices.Enforce.Kernel;
using VirtualServices.Linux.Netlink;
using VirtualServices.Linux.Network;
using VirtualServices.Linux.Tc;

namespace VirtualServices.Enforce.Network;

/// <summary>Reads what devices were shared out and what was sent.</summary>
internal static class NetworkStatus
{
    /// <summary>Governed and refused devices, with the classes as the kernel counts them.</summary>
    public static IReadOnlyList<DeviceUse> Devices(NetworkKernel kernel, IdTable ids)
    {
        List<DeviceUse> all = [];
        foreach (((ulong netns, int index), DeviceNote device) in kernel.Devices().OrderBy(device => (device.Value.NetworkNamespace, device.Value.Name)))
        {
            using NetworkNamespace? space = NetworkNamespace.TryOpen(device.NetworkNamespace);
            if (space?.Inode == netns) all.Add(new DeviceUse(device.Name, device.NetworkNamespace, device.BitsPerSecond, device.Refusal, device.Refusal.Length > 0 ? [] : Classes(space, index, device.Name, ids)));
        }

        return all;
    }

    /// <summary>What was sent over governed devices since the enforcement began.</summary>
    public static IReadOnlyList<NetworkTotal> Totals(NetworkKernel kernel, IdTable ids) =>
    [
        .. ids.All(IdKind.VirtualService).Select(vs => (vs.Name, Use: kernel.Use(vs.Id))).Prepend(("", kernel.Use(IdTable.None)))
            .Where(vs => vs.Item2.Packets > 0).Select(vs => new NetworkTotal(vs.Item1, (long)vs.Item2.Bytes, (long)vs.Item2.Packets, (long)vs.Item2.Dropped)),
    ];

    private static List<DeviceShareUse> Classes(NetworkNamespace space, int index, string name, IdTable ids)
    {
        try
        {
            using RouteSocket socket = space.Run(() => new RouteSocket());
            IReadOnlyList<HtbClassUse> classes = new TrafficControl(socket).Classes(index, name);
            return
            [
                .. classes.Where(one => one.Handle != ClassPlan.Device && !ClassPlan.OwnerOf(one.Handle).Own).OrderBy(one => one.Handle.Minor).Select(one => new DeviceShareUse(
                    ids.Name(IdKind.VirtualService, ClassPlan.OwnerOf(one.Handle).VirtualService) ?? "",
                    one.BitsPerSecond,
                    one.CeilingBitsPerSecond,
                    one.Bytes,
                    one.Packets,
                    Sum(classes, one, leaf => leaf.Drops),
                    Sum(classes, one, leaf => leaf.BacklogBytes))),
            ];
        }
        catch (NetlinkException)
        {
            return []; // the device is gone
        }
    }

    // A class with children counts what they sent, but not what they dropped or hold.
    private static long Sum(IReadOnlyList<HtbClassUse> classes, HtbClassUse one, Func<HtbClassUse, long> of) =>
        one.Level == 0 ? of(one) : classes.Where(child => child.Parent == one.Handle).Sum(child => Sum(classes, child, of));
}
