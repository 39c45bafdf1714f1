using System.Text;
using VirtualServices.Model;
using VirtualServices.Rules.Yaml;

namespace VirtualServices.Rules.Reading;

/// <summary>Reads <c>network</c> of the file: the devices that are governed.</summary>
internal static class NetworkParser
{
    private const string NameExpected = "a device such as eth0 or veth*, at most 15 bytes without '/', '@', '=' and white space";
    private const string NetnsExpected = "a name below /run/netns (with * for several) or the absolute path of a namespace's file";

    public static IReadOnlyList<GovernedDevice> Read(MappingReader file, RuleErrors errors)
    {
        if (file.Node("network") is not { } node) return [];
        var reader = new MappingReader(node, "network", RuleKeys.NetworkDevices, errors);
        var devices = new List<GovernedDevice>();
        foreach (YamlNode item in reader.Items("devices"))
        {
            var device = new MappingReader(item, "a device", RuleKeys.NetworkDevice, errors);
            string? name = device.Text("name", NameExpected, required: true);
            string netns = device.Text("netns", NetnsExpected) ?? "";
            long? rate = device.Rate("rate");
            if (name is not null && !IsName(name)) device.Bad("name", NameExpected);
            else if (device.Node("netns") is not null && !IsNetns(netns)) device.Bad("netns", NetnsExpected);
            else if (name is not null && devices.Any(other => other.Name == name && other.NetworkNamespace == netns)) errors.Add(device.Line, $"device {name} stands twice, expected once");
            else if (name is not null) devices.Add(new GovernedDevice(name, netns, rate));
        }

        return devices;
    }

    /// <summary>Whether the kernel could have such a device (dev_valid_name), or a pattern means some.</summary>
    internal static bool IsName(string name) =>
        name.Length > 0 && Encoding.UTF8.GetByteCount(name) <= 15 && name is not ("." or "..") && !name.Any(c => c is '/' or '@' or '=' or ':' || char.IsWhiteSpace(c) || char.IsControl(c));

    /// <summary>Whether it is a name or an absolute path.</summary>
    internal static bool IsNetns(string netns) =>
        netns.Length > 0 && Encoding.UTF8.GetByteCount(netns) <= 255 && !netns.Any(char.IsControl) && (netns[0] == '/' || (!netns.Contains('/', StringComparison.Ordinal) && netns is not ("." or "..")));
}
