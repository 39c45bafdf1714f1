using System.Net;
using System.Net.NetworkInformation;
using VirtualServices.Linux.Sockets;

namespace VirtualServices.Linux.Network;

/// <summary>The addresses of this host, by network namespace.</summary>
public static class HostAddresses
{
    /// <summary>Addresses of each network namespace that may be entered, by its inode.</summary>
    public static IReadOnlyDictionary<uint, IReadOnlySet<IPAddress>> ByNamespace()
    {
        Dictionary<uint, IReadOnlySet<IPAddress>> all = new() { [NetworkNamespaces.Of("self")] = Here() };
        foreach ((uint inode, int pid) in NetworkNamespaces.Others()) NetworkNamespaces.TryRunIn(pid, () => all[inode] = Here());
        return all;
    }

    private static HashSet<IPAddress> Here()
    {
        try
        {
            return [.. NetworkInterface.GetAllNetworkInterfaces().SelectMany(device => device.GetIPProperties().UnicastAddresses).Select(unicast => Plain(unicast.Address))];
        }
        catch (NetworkInformationException)
        {
            return []; // a device went away meanwhile
        }
    }

    // A link-local address carries the number of its device, which no packet does.
    private static IPAddress Plain(IPAddress address) => address.IsIPv6LinkLocal ? new IPAddress(address.GetAddressBytes()) : address;
}
