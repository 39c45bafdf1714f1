using VirtualServices.Model;
using VirtualServices.Rules.Reading;

namespace VirtualServices.Rules;

/// <summary>A governed device as the command line writes it: <c>NAME[@NETNS][=RATE]</c>.</summary>
public static class DeviceText
{
    /// <summary>What <see cref="TryParse"/> expects, for messages.</summary>
    public const string Expected = "NAME[@NETNS][=RATE] such as eth0, lo=10gbit or veth*@shop=1gbit";

    /// <summary>Reads it.</summary>
    public static bool TryParse(string text, out GovernedDevice device)
    {
        ArgumentNullException.ThrowIfNull(text);
        device = new GovernedDevice("");
        int equals = text.LastIndexOf('=');
        long rate = 0;
        if (equals >= 0 && !Units.TryParseRate(text[(equals + 1)..], out rate)) return false;
        string where = equals >= 0 ? text[..equals] : text;
        int at = where.IndexOf('@', StringComparison.Ordinal);
        string name = at >= 0 ? where[..at] : where, netns = at >= 0 ? where[(at + 1)..] : "";
        if (!NetworkParser.IsName(name) || (at >= 0 && !NetworkParser.IsNetns(netns))) return false;
        device = new GovernedDevice(name, netns, equals >= 0 ? rate : null);
        return true;
    }
}
