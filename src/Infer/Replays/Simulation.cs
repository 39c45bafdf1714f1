using System.Net;
using VirtualServices.Infer.Inventory;
using VirtualServices.Infer.Turns;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Replays;

/// <summary>Tags on processes, threads and connections, as the gates would set them. A tag is the index of a virtual service in the rule set, or none.</summary>
internal sealed class Simulation : ActivitySink
{
    private const int None = -1;

    private readonly RuleSet _rules;
    private readonly IEventSource _source;
    private readonly SelectorMatcher _matcher;
    private readonly GateBook _gates;
    private readonly AddressBook _addresses;
    private readonly ServiceCharge[] _charges;
    private readonly int[] _byPriority;
    private readonly List<(IPNetwork Network, int Vs)> _clients = [];
    private readonly Dictionary<ProcessRecord, (int Tag, int Service)> _ofRecord = new(ReferenceEqualityComparer.Instance);

    public Simulation(RuleSet rules, IEventSource source)
    {
        _rules = rules;
        _source = source;
        _matcher = new SelectorMatcher(source.Info);
        _gates = new GateBook(rules);
        _addresses = new AddressBook(rules);
        foreach (SocketRecord socket in source.Info.Sockets)
            if (socket.Description.Role == SocketRole.Listener || socket.Description is { Protocol: TransportProtocol.Udp, Role: not SocketRole.Client }) _addresses.See(socket.Description.Protocol, socket.Description.Local);
        _charges = [.. rules.Services.Select(s => new ServiceCharge(s, rules.VirtualServices.Count))];
        _byPriority = [.. Enumerable.Range(0, rules.VirtualServices.Count).OrderByDescending(i => rules.VirtualServices[i].Priority)];
        foreach (int i in _byPriority)
        {
            foreach (Selector door in rules.VirtualServices[i].FrontDoors)
            {
                if (door.Kind == SelectorKind.Client && IPNetwork.TryParse(door.Value, out IPNetwork network)) _clients.Add((network, i));
            }
        }

        // The narrowest network wins, as in the kernel's trie.
        _clients.Sort((a, b) => b.Network.PrefixLength.CompareTo(a.Network.PrefixLength));
    }

    public ReplayResult Result()
    {
        foreach (ProcessRecord record in _source.Info.Processes)
            if (OfRecord(record).Service is >= 0 and var service) _charges[service].Occurs = true;
        return new ReplayResult([.. _charges.Select(c => c.ToResult(_rules.VirtualServices))], _addresses.Missing);
    }

    /// <inheritdoc/>
    public override void OnCpu(TracedThread thread, in SessionEvent e, ulong ns)
    {
        ProcessTag process = TagOf(thread.Process);
        if (process.Service < 0) return;
        int tag = Tag(thread);
        ServiceCharge charge = _charges[process.Service];
        charge.AddCpu(tag, ns);
        if (process.Truth is null) return;
        charge.KnownCpuNs += ns;
        if (tag >= 0 && _rules.VirtualServices[tag].Name != process.Truth) charge.WrongCpuNs += ns;
    }

    /// <inheritdoc/>
    public override void OnListening(ProcessState process, ConnectionEnd socket) => _addresses.See(socket.Protocol, socket.Local);

    /// <inheritdoc/>
    public override void OnAccepted(ConnectionEnd end, TracedThread thread, in SessionEvent e) => Pass(GateCall.Accept, thread, end);

    /// <inheritdoc/>
    public override void OnConnected(ConnectionEnd end, TracedThread thread, in SessionEvent e)
    {
        Pass(GateCall.Connect, thread, end);
        NotesOf(end).Sender = Tag(thread); // a socket carries the virtual service of whoever connected it
    }

    /// <inheritdoc/>
    public override void OnReceived(ConnectionEnd end, TracedThread thread, in SessionEvent e, bool request)
    {
        if (end.Role != SocketRole.Server) return;
        if (request && end.Turns == 1) _addresses.See(end.Protocol, end.Local);
        Pass(GateCall.Receive, thread, end);
        int service = TagOf(thread.Process).Service;
        if (service < 0) return;
        int tag = NotesOf(end).Bound ?? Tag(thread);
        _charges[service].AddBytes(tag, e.Result, 0);
        if (!request) return;
        _charges[service].AddRequest(tag);
        NotesOf(end).Charged = tag;
    }

    /// <inheritdoc/>
    public override void OnSent(ConnectionEnd end, TracedThread thread, in SessionEvent e, bool call, ConnectionEnd? parent)
    {
        Pass(GateCall.Send, thread, end);
        if (end.Role == SocketRole.Client)
        {
            NotesOf(end).Sender = Tag(thread);
            return;
        }

        int service = TagOf(thread.Process).Service;
        if (service >= 0 && end.Role == SocketRole.Server) _charges[service].AddBytes(NotesOf(end).Bound ?? Tag(thread), 0, e.Result);
    }

    /// <inheritdoc/>
    public override void OnRequest(ConnectionEnd end, in Request request, Origin origin)
    {
        ProcessTag process = TagOf(request.Process);
        process.Truth = origin.Known > 0 && origin.Known <= _source.VirtualServices.Count ? _source.VirtualServices[origin.Known - 1] : null;
        if (process.Truth is null || process.Service < 0) return;
        ServiceCharge charge = _charges[process.Service];
        charge.KnownRequests++;
        if (NotesOf(end).Charged is >= 0 and var tag && _rules.VirtualServices[tag].Name != process.Truth) charge.WrongRequests++;
    }

    /// <inheritdoc/>
    public override void OnForked(TracedThread parent, ProcessState child)
    {
        ProcessTag above = TagOf(parent.Process);
        (int door, int service) = child.Record is { } record && record.Pid == child.Pid ? OfRecord(record) : (None, None);
        child.Notes = new ProcessTag(door >= 0 ? door : Tag(parent), service >= 0 ? service : above.Service) { Creator = Tag(parent) };
        if (FindThread(child) is { } thread) Pass(GateCall.Fork, thread, null);
    }

    /// <inheritdoc/>
    public override void OnThread(TracedThread parent, int tid)
    {
        foreach (TracedThread thread in parent.Process.Threads)
        {
            if (thread.Tid == tid) thread.Notes = parent.Notes; // inherited, as the process's tag is
        }
    }

    /// <inheritdoc/>
    public override void OnExecuted(TracedThread thread) => Pass(GateCall.Exec, thread, null);

    private static TracedThread? FindThread(ProcessState process) => process.Threads.Count > 0 ? process.Threads[0] : null;

    private static EndTag NotesOf(ConnectionEnd end)
    {
        if (end.Notes is EndTag tag) return tag;
        end.Notes = tag = new EndTag();
        return tag;
    }

    private int Tag(TracedThread thread) => thread.Notes is ThreadTag own ? own.Tag : TagOf(thread.Process).Tag;

    private ProcessTag TagOf(ProcessState process)
    {
        if (process.Notes is ProcessTag tag) return tag;
        (int door, int service) = process.Record is { } record ? OfRecord(record) : (None, None);
        process.Notes = tag = new ProcessTag(door, service) { Creator = None };
        return tag;
    }

    private (int Tag, int Service) OfRecord(ProcessRecord record)
    {
        if (_ofRecord.TryGetValue(record, out (int, int) known)) return known;
        int tag = None;
        foreach (int i in _byPriority)
        {
            if (!_rules.VirtualServices[i].FrontDoors.Any(d => _matcher.Matches(d, record))) continue;
            tag = i;
            break;
        }

        int service = None;
        for (int i = 0; i < _rules.Services.Count && service < 0; i++)
        {
            Service candidate = _rules.Services[i];
            if (record.Service == candidate.Name || candidate.Match.Any(m => _matcher.MatchesFamily(m, record))) service = i;
        }

        _ofRecord.Add(record, (tag, service));
        return (tag, service);
    }

    /// <summary>The virtual service of whoever is at the other end: what its socket carries, else its process, else its network.</summary>
    private int RequesterOf(ConnectionEnd end)
    {
        int tag = None;
        if (end.Peer is { } peer) tag = peer.Notes is EndTag { Sender: { } sender } ? sender : peer.Owner is { } owner ? TagOf(owner).Tag : None;
        else if (end.PeerProcess is { } process) tag = TagOf(process).Tag;
        else if (end.PeerRecord is { } record) tag = OfRecord(record).Tag;
        if (tag >= 0 || end.Remote.Address is not { } address) return tag;
        foreach ((IPNetwork network, int vs) in _clients)
        {
            if (network.Contains(address)) return vs;
        }

        return None;
    }

    private void Pass(GateCall call, TracedThread thread, ConnectionEnd? end)
    {
        ProcessTag process = TagOf(thread.Process);
        if (process.Service < 0) return;
        int requester = end is { Role: SocketRole.Server } ? RequesterOf(end) : None;
        if (_gates.Find(process.Service, call, end, requester) is not { } gate) return;
        int tag = Tag(thread);
        switch (gate.Classify.Kind)
        {
            case ClassificationKind.Requester:
                tag = requester;
                break;
            case ClassificationKind.Creator:
                tag = process.Creator;
                break;
            case ClassificationKind.Named:
                tag = IndexOf(gate.Classify.VirtualService);
                break;
        }

        switch (gate.Binds)
        {
            case BindScope.Process:
                process.Tag = tag;
                foreach (TracedThread each in thread.Process.Threads) each.Notes = null;
                break;
            case BindScope.Thread or BindScope.Request:
                if (thread.Notes is not ThreadTag own || own.Tag != tag) thread.Notes = new ThreadTag(tag);
                break;
            case BindScope.Connection when end is not null:
                NotesOf(end).Bound = tag;
                break;
        }
    }

    private int IndexOf(string name)
    {
        for (int i = 0; i < _rules.VirtualServices.Count; i++)
        {
            if (_rules.VirtualServices[i].Name == name) return i;
        }

        return None;
    }

    private sealed class ProcessTag(int tag, int service)
    {
        public int Tag { get; set; } = tag;

        public int Service { get; } = service;

        /// <summary>Of whoever forked it.</summary>
        public int Creator { get; init; }

        /// <summary>The virtual service that the source knows for the present work, or null.</summary>
        public string? Truth { get; set; }
    }

    private sealed record ThreadTag(int Tag);

    private sealed class EndTag
    {
        /// <summary>Tag of the last sender of this end.</summary>
        public int? Sender { get; set; }

        /// <summary>Tag that a gate gave the connection.</summary>
        public int? Bound { get; set; }

        /// <summary>To whom the last request was charged.</summary>
        public int? Charged { get; set; }
    }
}
