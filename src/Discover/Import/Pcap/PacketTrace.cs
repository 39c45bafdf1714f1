using System.Globalization;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Import.Pcap;

/// <summary>
/// Turns packets into neutral events. A packet does not say which process sent it: each address that is asked is a process of its own, named after host and port, and all clients of a
/// host are one, without threads. So nothing is concluded from who made a call; what is known is who asked whom, when, and how much.
/// </summary>
internal sealed class PacketTrace(Action<NeutralEvent> add, UnusedCounts unused)
{
    /// <summary>Connections that are followed at a time: beyond it those silent for longest are taken for closed.</summary>
    internal const int MostConnections = 1 << 17;

    private const int DnsPort = 53, FirstEphemeralPort = 32768; // net.ipv4.ip_local_port_range begins there
    private readonly Dictionary<(TransportProtocol, Endpoint, Endpoint), Flow> _flows = [];
    private readonly LinkedList<Flow> _bySilence = new();
    private readonly Dictionary<string, int> _processes = new(StringComparer.Ordinal);
    private readonly HashSet<(TransportProtocol, Endpoint)> _servers = [];
    private readonly DnsNames _names = new();
    private readonly NeutralEvent _event = new();
    private long _serial;

    /// <summary>Bytes of TCP connections that the capture does not hold.</summary>
    internal long Missing { get; private set; }

    /// <summary>Takes in a packet.</summary>
    internal void Take(long timeNs, scoped Segment segment)
    {
        if (segment.Protocol == TransportProtocol.Udp && segment.From.Port == DnsPort) _names.Read(segment.Payload);
        bool opening = segment is { Synchronise: true, Acknowledge: false };
        Flow? flow = Find(segment.Protocol, segment.From, segment.To, out bool fromClient);
        if (flow is not null && opening && (flow.Moved || !fromClient))
        {
            Close(flow, timeNs); // the ports are used again
            flow = null;
        }

        if (flow is null)
        {
            if (segment.Reset || (segment.Protocol == TransportProtocol.Tcp && segment is { Bytes: 0, Synchronise: false })) return; // the tail of a connection that was over
            flow = Open(timeNs, segment, out fromClient);
        }

        _bySilence.Remove(flow.Place);
        _bySilence.AddLast(flow.Place);
        Move(timeNs, segment, flow, fromClient);
        if (_flows.Count > MostConnections && _bySilence.First is { } silent) Close(silent.Value, timeNs);
    }

    /// <summary>The end of all files.</summary>
    internal void Complete()
    {
        foreach (Flow flow in _bySilence) Missing += flow.ToServer.Missing + flow.ToClient.Missing;
        _flows.Clear();
        _bySilence.Clear();
    }

    private void Move(long timeNs, scoped Segment segment, Flow flow, bool fromClient)
    {
        Direction direction = fromClient ? flow.ToServer : flow.ToClient;
        if (segment.Protocol == TransportProtocol.Udp)
        {
            Tell(flow, fromClient, timeNs, segment.Bytes);
            return;
        }

        if (segment.Synchronise) direction.Begin(segment.Sequence);
        int bytes = direction.New(segment.Synchronise ? segment.Sequence + 1 : segment.Sequence, segment.Bytes);
        if (bytes < segment.Bytes) unused.Add("packets that were sent again");
        Tell(flow, fromClient, timeNs, bytes);
        direction.Finished |= segment.Finish;
        if (segment.Reset || (flow.ToServer.Finished && flow.ToClient.Finished)) Close(flow, timeNs);
    }

    private void Tell(Flow flow, bool fromClient, long timeNs, int bytes)
    {
        if (bytes == 0) return;
        flow.Moved = true;
        Begin(flow, CallKind.Send, fromClient, timeNs);
        _event.Bytes = bytes;
        add(_event);
        Begin(flow, CallKind.Receive, !fromClient, timeNs);
        _event.Bytes = bytes;
        add(_event);
    }

    private Flow Open(long timeNs, scoped Segment segment, out bool fromClient)
    {
        fromClient = IsFromClient(segment);
        (Endpoint client, Endpoint server) = fromClient ? (segment.From, segment.To) : (segment.To, segment.From);
        _servers.Add((segment.Protocol, server));
        Flow flow = new(segment.Protocol, client, server, string.Create(CultureInfo.InvariantCulture, $"{client}-{server}#{++_serial}"), ProcessOf(client, asked: false), ProcessOf(server, asked: true));
        flow.Place = _bySilence.AddLast(flow);
        _flows[(segment.Protocol, client, server)] = flow;
        if (segment.Synchronise)
        {
            Begin(flow, CallKind.Connect, client: true, timeNs);
            add(_event);
            Begin(flow, CallKind.Accept, client: false, timeNs);
            add(_event);
        }

        return flow;
    }

    /// <summary>Who opened is told by the handshake; where the capture began later, by who was asked at that address before, and last by the lower of a fixed and an ephemeral port.</summary>
    private bool IsFromClient(scoped Segment segment)
    {
        if (segment.Synchronise) return !segment.Acknowledge;
        if (_servers.Contains((segment.Protocol, segment.To))) return true;
        if (_servers.Contains((segment.Protocol, segment.From))) return false;
        if (segment.Protocol == TransportProtocol.Udp) return segment.From.Port != DnsPort;
        if (segment.From.Port >= FirstEphemeralPort == segment.To.Port >= FirstEphemeralPort) unused.Add("connections whose beginning was not captured and whose sides are a guess");
        return segment.From.Port >= segment.To.Port;
    }

    private void Close(Flow flow, long timeNs)
    {
        Missing += flow.ToServer.Missing + flow.ToClient.Missing;
        _flows.Remove((flow.Protocol, flow.Client, flow.Server));
        _bySilence.Remove(flow.Place);
        foreach (bool client in (ReadOnlySpan<bool>)[true, false])
        {
            Begin(flow, CallKind.Close, client, timeNs);
            add(_event);
        }
    }

    private Flow? Find(TransportProtocol protocol, Endpoint from, Endpoint to, out bool fromClient)
    {
        fromClient = true;
        if (_flows.TryGetValue((protocol, from, to), out Flow? flow)) return flow;
        fromClient = false;
        return _flows.GetValueOrDefault((protocol, to, from));
    }

    private Side ProcessOf(Endpoint end, bool asked)
    {
        string host = end.Address is { } address ? _names.Of(address) ?? address.ToString() : "";
        string name = asked ? string.Create(CultureInfo.InvariantCulture, $"{host}-{end.Port}") : host;
        if (!_processes.TryGetValue(name, out int pid)) _processes.Add(name, pid = _processes.Count + 1);
        return new Side(pid, name);
    }

    private void Begin(Flow flow, CallKind kind, bool client, long timeNs)
    {
        Side side = client ? flow.ClientSide : flow.ServerSide;
        _event.Clear();
        _event.Call = kind;
        _event.TimeNs = timeNs;
        _event.Pid = side.Pid;
        _event.Service = side.Name;
        _event.Connection = flow.Name;
        _event.Role = client ? SocketRole.Client : SocketRole.Server;
        _event.Protocol = flow.Protocol;
        (_event.Local, _event.Remote) = client ? (flow.Client, flow.Server) : (flow.Server, flow.Client);
    }

    private readonly record struct Side(int Pid, string Name);

    private sealed class Flow(TransportProtocol protocol, Endpoint client, Endpoint server, string name, Side clientSide, Side serverSide)
    {
        public TransportProtocol Protocol => protocol;

        public Endpoint Client => client;

        public Endpoint Server => server;

        public string Name => name;

        public Side ClientSide => clientSide;

        public Side ServerSide => serverSide;

        public Direction ToServer { get; } = new();

        public Direction ToClient { get; } = new();

        public bool Moved { get; set; }


        public LinkedListNode<Flow> Place { get; set; } = null!; // set when it is opened
    }
}
