using System.Globalization;
using VirtualServices.Model;

namespace VirtualServices.Rules.Checks;

/// <summary>Shares that the machine or the parent cannot give.</summary>
internal static class ShareChecks
{
    private const int MostNetworkLevels = 7; // TC_HTB_MAXDEPTH is 8: one class is the device
    public static IEnumerable<Finding> Check(RuleDocument document, HostCapacity? capacity)
    {
        var byName = document.Rules.VirtualServices.ToDictionary(vs => vs.Name, StringComparer.Ordinal);
        ILookup<string, VirtualService> children = document.Rules.VirtualServices.ToLookup(vs => vs.Parent ?? "", StringComparer.Ordinal);
        (string Name, long Rate)? link = SlowestLink(document.Rules, capacity);
        foreach (VirtualService vs in document.Rules.VirtualServices)
        {
            foreach ((string share, string key, string text) in Check(vs, byName, children, capacity, link))
                yield return new Finding(Severity.Error, $"virtual service '{vs.Name}'", document.LineOfVirtualService(vs.Name, share, key), text);
        }

        Int128 all = children[""].Aggregate((Int128)0, (sum, vs) => sum + AssuredOf(vs, children));
        if (all > link?.Rate)
        {
            yield return new Finding(
                Severity.Error, "the rule file", document.LineOfNetwork, $"network: assured rates add up to {Format(all)}, more than the {Units.FormatRate(link.Value.Rate)} of {link.Value.Name}");
        }
    }

    /// <summary>An assured rate holds on every governed device, so the slowest decides.</summary>
    private static (string Name, long Rate)? SlowestLink(RuleSet rules, HostCapacity? capacity)
    {
        IEnumerable<(string Name, long Rate)> links = rules.Devices.Where(device => device.BitsPerSecond is not null).Select(device => ($"device {device}", device.BitsPerSecond!.Value));
        if (capacity?.NetworkBitsPerSecond is { } rate) links = links.Prepend(("the machine", rate));
        return links.OrderBy(link => link.Rate).Select(link => ((string, long)?)link).FirstOrDefault();
    }

    private static IEnumerable<(string Share, string Key, string Text)> Check(
        VirtualService vs, Dictionary<string, VirtualService> byName, ILookup<string, VirtualService> children, HostCapacity? capacity, (string Name, long Rate)? link)
    {
        if (capacity is not null && vs.Cpu.Max > capacity.Cpus)
            yield return ("cpu", "max", string.Create(CultureInfo.InvariantCulture, $"cpu max {vs.Cpu.Max:R} is above the machine's {capacity.Cpus} CPUs, expected at most {capacity.Cpus}"));
        foreach (VirtualService above in Ancestors(vs, byName))
        {
            if (vs.Cpu.Max > above.Cpu.Max)
            {
                yield return ("cpu", "max", string.Create(CultureInfo.InvariantCulture, $"cpu max {vs.Cpu.Max:R} is above the {above.Cpu.Max:R} of '{above.Name}', to which it belongs"));
                break;
            }
        }

        NetworkShare network = vs.Network;
        foreach (VirtualService above in Ancestors(vs, byName))
        {
            if (network.MaxBitsPerSecond > above.Network.MaxBitsPerSecond)
            {
                yield return ("network", "max", $"network max {Units.FormatRate(network.MaxBitsPerSecond.Value)} is above the {Units.FormatRate(above.Network.MaxBitsPerSecond.Value)} of '{above.Name}', to which it belongs");
                break;
            }
        }

        if (network.AssuredBitsPerSecond > network.MaxBitsPerSecond)
            yield return ("network", "assured", $"assured {Units.FormatRate(network.AssuredBitsPerSecond.Value)} is above its own max {Units.FormatRate(network.MaxBitsPerSecond.Value)}");
        if (network.AssuredBitsPerSecond > link?.Rate)
            yield return ("network", "assured", $"assured {Units.FormatRate(network.AssuredBitsPerSecond.Value)} is above the {Units.FormatRate(link.Value.Rate)} of {link.Value.Name}");
        if (link is not null && Ancestors(vs, byName).Take(MostNetworkLevels).Count() == MostNetworkLevels)
            yield return ("parent", "", $"stands below {MostNetworkLevels} others, but the kernel shares a device out over {MostNetworkLevels} levels of virtual services at most (HTB)");

        Int128 below = children[vs.Name].Aggregate((Int128)0, (sum, child) => sum + AssuredOf(child, children));
        if (network.MaxBitsPerSecond is { } max && below > max)
            yield return ("network", "max", $"the assured rates of its children add up to {Format(below)}, above its network max {Units.FormatRate(max)}");
    }

    private static IEnumerable<VirtualService> Ancestors(VirtualService vs, Dictionary<string, VirtualService> byName)
    {
        for (string? name = vs.Parent; name is not null; name = byName[name].Parent) yield return byName[name];
    }

    /// <summary>What has to be kept free for a virtual service: its own assured rate or its children's, whichever is more. Int128: sums of hostile files overflow a long.</summary>
    private static Int128 AssuredOf(VirtualService vs, ILookup<string, VirtualService> children)
    {
        Int128 below = children[vs.Name].Aggregate((Int128)0, (sum, child) => sum + AssuredOf(child, children));
        return Int128.Max(below, vs.Network.AssuredBitsPerSecond ?? 0);
    }

    private static string Format(Int128 rate) => rate <= long.MaxValue ? Units.FormatRate((long)rate) : string.Create(CultureInfo.InvariantCulture, $"{rate}bit");
}
