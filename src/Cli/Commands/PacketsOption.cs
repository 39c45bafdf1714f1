using System.Globalization;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;
using VirtualServices.Rules;

namespace VirtualServices.Cli.Commands;

/// <summary>Reads <c>--packets</c> and <c>--payload</c>.</summary>
internal static class PacketsOption
{
    private const int MostPayloadBytes = 65_535, MostInterfaces = 64;

    /// <summary>The interfaces; none for <c>none</c>.</summary>
    /// <exception cref="VsException">Exit code 2 with the words that are off.</exception>
    internal static IReadOnlyList<PacketInterface> Parse(string packets, int payloadBytes)
    {
        if (payloadBytes is < 0 or > MostPayloadBytes) throw new VsException(ExitCode.Usage, string.Create(CultureInfo.InvariantCulture, $"--payload {payloadBytes}: expected bytes from 0 to {MostPayloadBytes}"));
        if (packets == "none")
        {
            if (payloadBytes > 0) throw new VsException(ExitCode.Usage, "--payload needs packets: name interfaces with --packets");
            return [];
        }

        List<PacketInterface> interfaces = [];
        foreach (string word in packets.Split(','))
        {
            if (word == "none" || !DeviceText.TryParse(word, out GovernedDevice device) || device.IsPattern || device.BitsPerSecond is not null)
                throw new VsException(ExitCode.Usage, $"--packets {packets}: expected none, any, or NAME[@NETNS] of interfaces with commas between, such as lo,eth0 or near0@shop");
            PacketInterface one = new(device.Name, device.NetworkNamespace);
            if (interfaces.Contains(one)) throw new VsException(ExitCode.Usage, $"--packets {packets}: {one} stands twice: each of its packets would be there twice");
            interfaces.Add(one);
        }

        if (interfaces.Count > MostInterfaces) throw new VsException(ExitCode.Usage, string.Create(CultureInfo.InvariantCulture, $"--packets: expected at most {MostInterfaces} interfaces; any is all of a network namespace"));
        return interfaces;
    }
}
