using System.Globalization;
using VirtualServices.Discover.Packets;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Import.Pcap;

/// <summary>
/// Turns packets into neutral events. A packet does not say which process sent it: each address that answers is a process of its own without threads, named after host and port. So what
/// is known is who asked whom, when, and how much; for which request a service asked another one is estimated at most.
/// </summary>
internal sealed class PacketTrace(CaptureSurvey survey, Action<NeutralEvent> add, UnusedCounts unused)
{
    /// <summary>Services that are told apart; what comes after them is one.</summary>
    internal const int MostServices = 4096;

    private const string Others = "others";
    private readonly FlowTable _flows = new();
    private readonly Dictionary<string, int> _services = new(StringComparer.Ordinal);
    private readonly NeutralEvent _event = new();
    private long _serial;

    /// <summary>Takes in a packet.</summary>
    internal void Take(long timeNs, in PacketHeaders packet)
    {
        while (_flows.TryFindSilent(timeNs, out Flow? silent, out bool tooMany))
        {
            if (tooMany) unused.Add("connections that were given up, too many at a time");
            GiveUp(silent, timeNs);
        }

        bool opening = packet.Has(TcpFlags.Synchronise) && !packet.Has(TcpFlags.Acknowledge);
        if (_flows.TryFind(in packet, out Flow? flow, out bool fromClient) && opening && (flow.Closed || flow.ToClient.Seen) && !flow.ToServer.BeganWith(packet.Sequence))
        {
            GiveUp(flow, timeNs); // the ports are used again
            flow = null;
        }

        if (flow is null)
        {
            if (packet.Protocol == TransportProtocol.Tcp && packet is { PayloadBytes: 0 } && !packet.Has(TcpFlags.Synchronise))
            {
                unused.Add("TCP packets without bytes of connections whose beginning was not captured");
                return;
            }

            flow = Open(in packet, out fromClient);
        }

        Direction direction = fromClient ? flow.ToServer : flow.ToClient;
        direction.Seen = true;
        if (packet.Protocol == TransportProtocol.Udp) Tell(flow, fromClient, timeNs, packet.PayloadBytes);
        else Move(flow, direction, fromClient, timeNs, in packet);
        _flows.Touch(flow, timeNs);
    }

    /// <summary>The end of all files: what is open then stays open.</summary>
    internal void Complete()
    {
        foreach (Flow flow in _flows.All) Count(flow);
    }

    private void Move(Flow flow, Direction direction, bool fromClient, long timeNs, in PacketHeaders packet)
    {
        bool synchronise = packet.Has(TcpFlags.Synchronise);
        if (synchronise)
        {
            if (!flow.Opened) TellConnect(flow, timeNs);
            direction.Begin(packet.Sequence);
            if (!fromClient) TellAccept(flow, timeNs);
        }

        int bytes = direction.New(synchronise ? packet.Sequence + 1 : packet.Sequence, packet.PayloadBytes);
        if (bytes < packet.PayloadBytes || flow.Closed) unused.Add(flow.Closed ? "TCP packets of connections that were over" : "TCP packets that were sent again, or captured twice");
        if (flow.Closed) return;
        Tell(flow, fromClient, timeNs, bytes);
        direction.Finished |= packet.Has(TcpFlags.Finish);
        if (packet.Has(TcpFlags.Reset) || (flow.ToServer.Finished && flow.ToClient.Finished)) TellClose(flow, timeNs);
    }

    private Flow Open(in PacketHeaders packet, out bool fromClient)
    {
        bool? known = packet.Has(TcpFlags.Synchronise) ? !packet.Has(TcpFlags.Acknowledge) : survey.IsFromClient(in packet);
        if (known is null) unused.Add("connections whose sides are a guess: their beginning was not captured");
        fromClient = known ?? true;
        (PacketEnd client, PacketEnd server) = fromClient ? (packet.From, packet.To) : (packet.To, packet.From);
        Side asks = SideOf(client, survey.ClientAt(client)), answers = SideOf(server, survey.ServiceAt(server));
        Flow flow = new(new FlowKey(packet.Protocol, client, server), string.Create(CultureInfo.InvariantCulture, $"{asks.End}-{answers.End}#{++_serial}"), asks, answers);
        _flows.Add(flow);
        return flow;
    }

    private void GiveUp(Flow flow, long timeNs)
    {
        _flows.Remove(flow);
        Count(flow);
        if (!flow.Closed) TellClose(flow, timeNs);
    }

    private void Count(Flow flow)
    {
        unused.Add("bytes of TCP connections that the capture does not hold", flow.ToServer.Missing + flow.ToClient.Missing);
        if (flow.ToServer.Seen == flow.ToClient.Seen) return;
        unused.Add(flow.Key.Protocol == TransportProtocol.Udp ? "address pairs of datagrams that went one way only" : "TCP connections of which one direction only was captured");
    }

    private void TellConnect(Flow flow, long timeNs)
    {
        flow.Opened = true;
        Tell(flow, CallKind.Connect, client: true, timeNs, 0);
    }

    private void TellAccept(Flow flow, long timeNs)
    {
        if (!flow.Opened || flow.Accepted) return;
        flow.Accepted = true;
        Tell(flow, CallKind.Accept, client: false, timeNs, 0);
    }

    private void Tell(Flow flow, bool fromClient, long timeNs, int bytes)
    {
        if (bytes == 0) return;
        TellAccept(flow, timeNs); // the answer to the handshake was not captured
        Tell(flow, CallKind.Send, fromClient, timeNs, bytes);
        Tell(flow, CallKind.Receive, !fromClient, timeNs, bytes);
        flow.Accepted = true;
    }

    private void TellClose(Flow flow, long timeNs)
    {
        flow.Closed = true;
        if (flow.Opened || flow.Accepted) Tell(flow, CallKind.Close, client: true, timeNs, 0);
        if (flow.Accepted) Tell(flow, CallKind.Close, client: false, timeNs, 0);
    }

    private void Tell(Flow flow, CallKind kind, bool client, long timeNs, int bytes)
    {
        (Side side, Side other) = client ? (flow.Client, flow.Server) : (flow.Server, flow.Client);
        _event.Clear();
        _event.Call = kind;
        _event.TimeNs = timeNs;
        _event.Pid = side.Pid;
        _event.Service = side.Service;
        _event.Connection = flow.Name;
        _event.Role = client ? SocketRole.Client : SocketRole.Server;
        _event.Protocol = flow.Key.Protocol;
        (_event.Local, _event.Remote) = (side.End, other.End);
        _event.Bytes = bytes;
        add(_event);
    }

    private Side SideOf(PacketEnd end, string service)
    {
        if (!_services.TryGetValue(service, out int pid))
        {
            if (_services.Count >= MostServices)
            {
                unused.Add("sides of connections that are not told apart, too many services and hosts");
                service = Others;
            }

            if (!_services.TryGetValue(service, out pid)) _services.Add(service, pid = _services.Count + 1);
        }

        return new Side(end.ToEndpoint(), pid, service);
    }
}
