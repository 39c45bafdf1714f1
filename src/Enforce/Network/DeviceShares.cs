using System.Globalization;
using VirtualServices.Linux.Bpf;
using VirtualServices.Linux.Network;
using VirtualServices.Linux.Tc;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Network;

/// <summary>Puts the classes on one device, changes them, and takes them away.</summary>
internal static class DeviceShares
{
    /// <summary>Why a device cannot be governed; null where it can. Nothing is changed.</summary>
    public static string? Refusal(NetworkDevice device, IReadOnlyList<Qdisc> disciplines)
    {
        // What the kernel made by itself comes back when ours goes. Hooks queue nothing and stay.
        Qdisc? foreign = disciplines.FirstOrDefault(one => one.Device == device.Index && !one.IsHook && !one.IsDefault && !IsOurs(one));
        return foreign is null
            ? null
            : $"it has the queueing discipline {foreign.Kind} {foreign.Handle}, which somebody has set: remove it ('tc qdisc del dev {device.Name} root') or leave the device out";
    }

    /// <summary>True where the device has our discipline at its root.</summary>
    public static bool Has(NetworkDevice device, IReadOnlyList<Qdisc> disciplines) => disciplines.Any(one => one.Device == device.Index && IsOurs(one));

    /// <summary>True for our discipline.</summary>
    public static bool IsOurs(Qdisc one) => one.Kind == "htb" && one.Handle == ClassPlan.Discipline && one.Parent == TcHandle.Root;

    /// <summary>Makes the classes of the plan, or makes those of an earlier plan into them. Packets that wait are kept unless a class must hang elsewhere.</summary>
    /// <exception cref="Linux.Netlink.NetlinkException">The kernel refused; names class, device and the kernel's words.</exception>
    public static void Apply(TrafficControl control, NetworkDevice device, ClassPlan plan, BpfProgram program, bool present)
    {
        IReadOnlyList<HtbClassUse> before = present ? control.Classes(device.Index, device.Name) : [];
        Dictionary<TcHandle, TcHandle> parents = plan.Classes.ToDictionary(one => one.Handle, one => ParentAsListed(one.Parent));
        if (before.Any(one => parents.TryGetValue(one.Handle, out TcHandle parent) && parent != one.Parent))
        {
            control.RemoveRoot(device.Index, device.Name, ClassPlan.Discipline);
            present = false;
        }

        if (!present) control.AddHtb(device.Index, device.Name, ClassPlan.Discipline, ClassPlan.DefaultClass);
        foreach (HtbClass one in plan.Classes) control.SetClass(device.Index, device.Name, one);
        control.SetFilter(device.Index, device.Name, ClassPlan.Discipline, program, NetworkKernel.FilterName, new TcHandle(ClassPlan.Discipline.Major, ClassPlan.DefaultClass));
    }

    /// <summary>Removes classes that the plan does not have, once the classifier chooses them no more.</summary>
    public static void RemoveOthers(TrafficControl control, NetworkDevice device, ClassPlan plan)
    {
        HashSet<TcHandle> kept = [.. plan.Classes.Select(one => one.Handle)];
        foreach (HtbClassUse one in control.Classes(device.Index, device.Name).Where(one => !kept.Contains(one.Handle)).OrderBy(one => one.Level))
            control.RemoveClass(device.Index, device.Name, one.Handle);
    }

    /// <summary>The rate to share out.</summary>
    /// <exception cref="VsException">Neither the rules nor the driver tell it, or it is less than what is assured.</exception>
    public static long RateOf(NetworkDevice device, NetworkNamespace where, GovernedDevice chosenBy, IReadOnlyList<(uint Id, VirtualService VirtualService)> virtualServices)
    {
        long rate = chosenBy.BitsPerSecond ?? where.Run(() => DeviceSpeed.Of(device.Name))
            ?? throw new VsException(ExitCode.HostLacks, $"the driver does not know its rate: give it in the rule file ('rate: 1gbit') or with --device {chosenBy}=1gbit");
        Int128 assured = ClassPlan.AssuredSum(virtualServices);
        return assured <= rate
            ? rate
            : throw new VsException(ExitCode.BadInput, string.Create(CultureInfo.InvariantCulture, $"its rate of {rate} bit/s is less than the {assured} bit/s that the rules assure"));
    }

    // The kernel lists a class that hangs at the discipline with the parent "root".
    private static TcHandle ParentAsListed(TcHandle parent) => parent == ClassPlan.Discipline ? TcHandle.Root : parent;
}
