using Tmds.Linux;
using VirtualServices.Linux.Bpf;
using VirtualServices.Linux.Netlink;
using VirtualServices.Linux.Network;
using VirtualServices.Linux.Tc;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Network;

/// <summary>Tries network shares on the loopback device of a new namespace, which ends with the attempt: no device of the host is touched.</summary>
internal static class NetworkProbe
{
    private const string Name = "network shares";

    /// <summary>Tries.</summary>
    public static Capability Run()
    {
        if (LibC.geteuid() != 0) return new Capability(Name, CapabilityState.Unknown, false, "", "not tried: only root may make network namespaces", "run 'sudo vs doctor'");
        try
        {
            return NetworkKernel.Try(program => NetworkNamespace.RunInNew(() =>
            {
                using RouteSocket socket = new();
                TrafficControl control = new(socket);
                NetworkDevice lo = NetworkDevice.All(socket).Single(device => device.Name == "lo");
                (uint, VirtualService)[] bestEffort = [(Kernel.IdTable.BestEffort, new VirtualService(VirtualService.BestEffort, null, 0, new CpuShare(), new NetworkShare(), null, []))];
                DeviceShares.Apply(control, lo, ClassPlan.Make(bestEffort, 1_000_000_000), program, present: false);
                return new Capability(Name, CapabilityState.Works, false, "HTB with a BPF filter on each governed device, over rtnetlink", "", "");
            }));
        }
        catch (Exception error) when (error is NetlinkException or BpfException or VsException)
        {
            return new Capability(Name, CapabilityState.Missing, false, "", BpfException.SummaryOf(error), "boot a kernel with CONFIG_NET_SCH_HTB and CONFIG_NET_CLS_BPF, as Debian's are");
        }
    }
}
