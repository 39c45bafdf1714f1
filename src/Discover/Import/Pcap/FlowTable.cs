using System.Diagnostics.CodeAnalysis;
using VirtualServices.Discover.Packets;
using VirtualServices.Model;

namespace VirtualServices.Discover.Import.Pcap;

/// <summary>The connections that are followed now. Memory is bounded: those silent for longest are given up.</summary>
internal sealed class FlowTable
{
    /// <summary>Connections that are followed at a time.</summary>
    internal const int Most = 1 << 16;

    /// <summary>Datagrams between two addresses that belong together, and packets that come late: the kernel's own times for both are about that long.</summary>
    private const long SilenceNs = 120_000_000_000;

    private readonly Dictionary<FlowKey, Flow> _flows = [];
    private readonly LinkedList<Flow> _connections = new(), _passing = new();

    /// <summary>All that are followed, in no order.</summary>
    internal IEnumerable<Flow> All => _flows.Values;

    /// <summary>The flow of a packet.</summary>
    internal bool TryFind(in PacketHeaders packet, [NotNullWhen(true)] out Flow? flow, out bool fromClient)
    {
        fromClient = true;
        if (_flows.TryGetValue(new FlowKey(packet.Protocol, packet.From, packet.To), out flow)) return true;
        fromClient = false;
        return _flows.TryGetValue(new FlowKey(packet.Protocol, packet.To, packet.From), out flow);
    }

    internal void Add(Flow flow)
    {
        _flows.Add(flow.Key, flow);
        ListOf(flow).AddLast(flow.Place);
    }

    /// <summary>A packet of it came.</summary>
    internal void Touch(Flow flow, long timeNs)
    {
        flow.LastNs = Math.Max(flow.LastNs, timeNs);
        flow.Place.List!.Remove(flow.Place);
        ListOf(flow).AddLast(flow.Place);
    }

    internal void Remove(Flow flow)
    {
        _flows.Remove(flow.Key);
        flow.Place.List!.Remove(flow.Place);
    }

    /// <summary>The next one that is over by its silence, or, where there are too many, silent for longest; it stays in the table.</summary>
    /// <param name="timeNs">The time now.</param>
    /// <param name="flow">That one.</param>
    /// <param name="tooMany">True where it is given up only because there are too many.</param>
    internal bool TryFindSilent(long timeNs, [NotNullWhen(true)] out Flow? flow, out bool tooMany)
    {
        flow = _passing.First?.Value;
        tooMany = false;
        if (flow is not null && timeNs - flow.LastNs >= SilenceNs) return true;
        if (_flows.Count <= Most) return false;
        flow ??= _connections.First!.Value;
        tooMany = !flow.Closed;
        return true;
    }

    private LinkedList<Flow> ListOf(Flow flow) => flow.Closed || flow.Key.Protocol == TransportProtocol.Udp ? _passing : _connections;
}
