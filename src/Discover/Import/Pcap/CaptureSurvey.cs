using System.Globalization;
using VirtualServices.Discover.Packets;
using VirtualServices.Model;

namespace VirtualServices.Discover.Import.Pcap;

/// <summary>
/// What a first look at captures tells: who answers at which port, and the names of hosts. So the services have the same names from the first packet on, in whatever order the answers come.
/// </summary>
internal sealed class CaptureSurvey
{
    /// <summary>Servers that are remembered: a capture of a port scan has no end of them.</summary>
    private const int MostServers = 1 << 16;

    private const int DnsPort = 53, FirstEphemeralPort = 32_768; // net.ipv4.ip_local_port_range begins there
    private readonly HashSet<(TransportProtocol, PacketEnd)> _servers = [];
    private readonly Dictionary<PacketEnd, (int Ports, ushort Port)> _hosts = [];
    private readonly DnsNames _names = new();

    /// <summary>Takes in a packet.</summary>
    /// <param name="packet">Its headers.</param>
    /// <param name="payload">What was captured behind them.</param>
    internal void Take(in PacketHeaders packet, ReadOnlySpan<byte> payload)
    {
        if (packet.Protocol == TransportProtocol.Tcp)
        {
            // A port that only asks were seen of may be closed.
            if (packet.Has(TcpFlags.Synchronise) && packet.Has(TcpFlags.Acknowledge)) Add(packet.Protocol, packet.From);
            return;
        }

        if (packet.From.Port == DnsPort) _names.Read(payload);
        if (IsFixed(packet.From) != IsFixed(packet.To)) Add(packet.Protocol, IsFixed(packet.To) ? packet.To : packet.From);
    }

    /// <summary>Which side of a packet without a handshake asks: true for the sender, null where it is a guess for the sender.</summary>
    internal bool? IsFromClient(in PacketHeaders packet)
    {
        bool asked = _servers.Contains((packet.Protocol, packet.To)), asks = _servers.Contains((packet.Protocol, packet.From));
        if (asked != asks) return asked;
        if (IsFixed(packet.To) != IsFixed(packet.From)) return IsFixed(packet.To);
        return null;
    }

    /// <summary>Name of the service at an address.</summary>
    internal string ServiceAt(PacketEnd end) => string.Create(CultureInfo.InvariantCulture, $"{HostOf(end)}-{end.Port}");

    /// <summary>Name of what asks from an address: where a host answers at one port only, what asks from there is taken for the same service.</summary>
    internal string ClientAt(PacketEnd end)
    {
        PacketEnd host = end.Address;
        return _hosts.TryGetValue(host, out (int Ports, ushort Port) known) && known.Ports == 1 ? ServiceAt(host with { Port = known.Port }) : HostOf(host);
    }

    private static bool IsFixed(PacketEnd end) => end.Port < FirstEphemeralPort;

    private string HostOf(PacketEnd end) => end.ToEndpoint().Address is { } address ? _names.Of(address) ?? address.ToString() : "";

    private void Add(TransportProtocol protocol, PacketEnd server)
    {
        if (_servers.Count == MostServers || !_servers.Add((protocol, server))) return;
        (int ports, _) = _hosts.GetValueOrDefault(server.Address);
        _hosts[server.Address] = (ports + 1, server.Port);
    }
}
