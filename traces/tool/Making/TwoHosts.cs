using VirtualServices.Cli.Demo;

namespace VirtualServices.Traces.Making;

/// <summary>Two network namespaces, joined by a veth pair. Nothing outside reaches them.</summary>
internal sealed class TwoHosts : IDisposable
{
    /// <summary>Names of the namespaces.</summary>
    public const string Front = "vs-trace-front", Back = "vs-trace-back";

    /// <summary>Their devices.</summary>
    public const string FrontDevice = "front0", BackDevice = "back0";

    /// <summary>Their addresses.</summary>
    public const string FrontAddress = "10.98.0.1", BackAddress = "10.98.0.2";

    private TwoHosts()
    {
    }

    /// <summary>Makes them.</summary>
    public static async Task<TwoHosts> MakeAsync(CancellationToken cancel)
    {
        TwoHosts hosts = new();
        try
        {
            foreach (string name in (string[])[Front, Back]) await IpAsync(cancel, "netns", "add", name);
            await IpAsync(cancel, "link", "add", FrontDevice, "netns", Front, "type", "veth", "peer", "name", BackDevice, "netns", Back);
            foreach ((string name, string device, string address) in ((string, string, string)[])[(Front, FrontDevice, FrontAddress), (Back, BackDevice, BackAddress)])
            {
                await IpAsync(cancel, "-n", name, "addr", "add", $"{address}/24", "dev", device);
                await IpAsync(cancel, "-n", name, "link", "set", device, "up");
                await IpAsync(cancel, "-n", name, "link", "set", "lo", "up");
            }

            return hosts;
        }
        catch
        {
            hosts.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (string name in (string[])[Front, Back])
            if (File.Exists($"/run/netns/{name}")) IpAsync(CancellationToken.None, "netns", "del", name).GetAwaiter().GetResult();
    }

    private static Task<string> IpAsync(CancellationToken cancel, params string[] words) => Child.RunAsync([Tools.Find("ip", "iproute2"), .. words], null, cancel);
}
