using System.Globalization;
using VirtualServices.Infer.Inventory;
using VirtualServices.Infer.Links;
using VirtualServices.Infer.Turns;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Statistics;

/// <summary>Sums up one session.</summary>
internal sealed class StatisticsCollector : ActivitySink
{
    /// <summary>Flows, and sequences of requesters, that are told apart; what is beyond is summed up as unknown.</summary>
    private const int MostFlows = 1 << 16, MostProfiles = 1 << 14;

    private readonly IEventSource _source;
    private readonly SessionWalker _walker;
    private readonly LinkCollector _links;
    private readonly PartyFactsCollector _facts;
    private readonly bool _acceptAtFirstUse;
    private readonly Dictionary<int, ServiceTally> _services = [];
    private readonly Dictionary<string, ServiceTally> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<(int Service, string Listen, Origin Origin, int Direct), FlowStatistics> _flows = [];

    private StatisticsCollector(IEventSource source)
    {
        _source = source;
        _acceptAtFirstUse = source.Info.Level == "sockets";
        _links = new LinkCollector(OnLinked, null);
        _walker = new SessionWalker(source, new SinkPair(this, _links));
        _links.Begin(_walker);
        _facts = new PartyFactsCollector(source.Info, _walker.Parties);
    }

    /// <summary>Reads a session to its end.</summary>
    public static SessionStatistics Collect(IEventSource source) => new StatisticsCollector(source).Run();

    /// <inheritdoc/>
    public override void OnCpu(TracedThread thread, in SessionEvent e, ulong ns)
    {
        if (NotesOf(thread.Process) is { } notes) notes.CpuNs += ns;
    }

    /// <inheritdoc/>
    public override void OnReceived(ConnectionEnd end, TracedThread thread, in SessionEvent e, bool request)
    {
        if (end.Role == SocketRole.Server && TallyOf(thread.Process.Party) is { } tally) tally.BytesIn += e.Result;
    }

    /// <inheritdoc/>
    public override void OnSent(ConnectionEnd end, TracedThread thread, in SessionEvent e, bool call, ConnectionEnd? parent)
    {
        if (end.Role == SocketRole.Server && TallyOf(thread.Process.Party) is { } tally) tally.BytesOut += e.Result;
    }

    /// <inheritdoc/>
    public override void OnRequest(ConnectionEnd end, in Request request, Origin origin)
    {
        if (NotesOf(request.Process) is not { } notes) return;
        Party service = request.Process.Party!;
        EndNotes about = end.Statistics as EndNotes ?? Begin(end, request.Process);
        notes.Listen ??= about.Listen;
        if (about.Flow is null || about.Origin != origin) Enter(end, about, service, origin);
        about.Flow!.Requests++;
        if (about.Flow.Samples.Count < FlowStatistics.MostSamples && !about.Sampled)
        {
            about.Sampled = true;
            about.Flow.Samples.Add(Sample(end, in request, about));
        }

        int index = notes.IndexOf(origin, about.Direct);
        if (notes.Current >= 0 && (index != notes.Current || index == ProcessNotes.MostOrigins))
        {
            if (notes.LastEnd is { Closed: false }) notes.Interleaved = true;
            if (notes.Changes.Count < ProfileStatistics.MostCounterExamples) notes.Changes.Add((index, Sample(end, in request, about)));
        }

        notes.Current = index;
        notes.LastEnd = end;
        if (index == ProcessNotes.MostOrigins) notes.OtherRequests++;
        else notes.Requests[index]++;
    }

    /// <inheritdoc/>
    public override void OnClosed(ConnectionEnd end)
    {
        end.Statistics = null; // requests and calls keep their ends for a window
        if (end.Role != SocketRole.Server || end.User is not { } user || TallyOf(user.Party) is not { } tally) return;
        tally.Connections++;
        if (end.UsedBySeveral) tally.SharedByProcesses++;
        else if (end.AcceptorSerial == user.Serial && !(_acceptAtFirstUse && IsBornForIt(end, user))) tally.ServedByAcceptor++;
        else if (end.NumberInProcess != 1) tally.HandoverUnseen++; // counted against the model as a process with several connections
        else if (end.AcceptorSerial == user.Serial) tally.ForkedForIt++;
        else if (end.AcceptorSerial != 0 && user.IsChildOf(end.AcceptorSerial, end.AcceptorPid) && user.BornNs >= end.AcceptNs) tally.ForkedForIt++;
        else if (end.Existing && IsChildOfListener(user)) tally.HeldByOwnProcess++;
        else tally.HandoverUnseen++;

        if (end.FirstThread is not { Tid: not 0 } thread) return;
        if (end.SeveralThreads) tally.SeveralThreads++;
        else if (thread.Interleaves) tally.InterleavedThread++;
        else if (thread.Connections == 1) tally.OwnThread++;
    }

    /// <inheritdoc/>
    public override void OnEnded(ProcessState process)
    {
        if (TallyOf(process.Party) is not { } tally) return;
        if (process.Connections > 0)
        {
            tally.Processes++;
            if (process.Connections == 1) tally.OneConnection++;
            else if (process.MostOpenConnections == 1) tally.Sequential++;
            else tally.Concurrent++;
        }

        if (process.Notes is ProcessNotes notes)
        {
            notes.CpuApartNs = process.CpuApartNs;
            Fold(tally, notes);
        }

        process.Notes = null;
    }

    /// <summary>The link of a call is told, or is not.</summary>
    private void OnLinked(CallNode call)
    {
        if (call.Told is not null || call.Proof == LinkProof.Told || call.Service is not { } service) return;
        if (!_byName.TryGetValue(service, out ServiceTally? tally)) _byName.Add(service, tally = TallyOf(_walker.Parties.OfService(service))!);
        if (call.Open > 0) tally.Statistics.CallsUntold++;
        else tally.Statistics.CallsUnasked++;
    }

    private bool IsChildOfListener(ProcessState process) =>
        process is { BornNs: ProcessState.BeforeSession, Listens: false, Record: { } record } && _walker.Processes.ListenedAtStart(record.ParentPid);

    /// <summary>At level sockets an accept is laid to whoever uses the connection first. A process that is younger than the connection, and whose parent listens, was forked after the connection came.</summary>
    private static bool IsBornForIt(ConnectionEnd end, ProcessState user) =>
        user is { ForkedByListener: true, Listens: false } && (end.Protocol == TransportProtocol.Unix || user.BornNs >= end.AcceptNs); // since when a unix socket waited is not known

    private ServiceTally? TallyOf(Party? party)
    {
        if (party is not { Recorded: true }) return null;
        if (!_services.TryGetValue(party.Id, out ServiceTally? tally)) _services.Add(party.Id, tally = new ServiceTally(party));
        return tally;
    }

    private static ProcessNotes? NotesOf(ProcessState process)
    {
        if (process.Party is not { Recorded: true }) return null;
        if (process.Notes is ProcessNotes notes) return notes;
        process.Notes = notes = new ProcessNotes();
        return notes;
    }

    private EndNotes Begin(ConnectionEnd end, ProcessState server)
    {
        var about = new EndNotes(_walker.Listeners.ListenOf(server.Party, end.Protocol, end.Local));
        end.Statistics = about;
        return about;
    }

    /// <summary>The connection's requests belong to another flow from now on; nearly always this happens once per connection.</summary>
    private void Enter(ConnectionEnd end, EndNotes about, Party service, Origin origin)
    {
        Party? direct = _walker.PeerParty(end);
        var key = (service.Id, about.Listen, origin, direct?.Id ?? -1);
        if (!_flows.TryGetValue(key, out FlowStatistics? flow))
        {
            if (_flows.Count >= MostFlows) key = (service.Id, "", Origin.Unknown, -1);
            if (!_flows.TryGetValue(key, out flow)) _flows.Add(key, flow = new FlowStatistics());
        }

        if (about.Flow is null)
        {
            flow.Connections++;
            if (direct is not null && direct != service) _facts.AddCaller(direct, end.Peer?.Owner?.Record ?? end.PeerProcess?.Record ?? end.PeerRecord);
        }

        about.Flow = flow;
        about.Origin = origin;
        about.Direct = direct?.Id ?? -1;
        about.Peer = direct?.Name ?? "";
        about.PeerPid = end.Peer?.Owner?.Pid ?? end.PeerPid;
    }

    private EvidenceSample Sample(ConnectionEnd end, in Request request, EndNotes about)
    {
        string peer = about.Peer.Length == 0 ? "a peer that nobody knows"
            : string.Create(CultureInfo.InvariantCulture, $"{Words.Clean(about.Peer)} (process {about.PeerPid})");
        string what = string.Create(CultureInfo.InvariantCulture, $"process {request.Process.Pid} received {request.Bytes} bytes from {peer}");
        return new EvidenceSample(_source.Info.Id, request.TimeNs, request.Process.Pid, end.Id, "", what);
    }

    private SessionStatistics Run()
    {
        _walker.Run();
        _links.Finish();
        SessionInfo info = _source.Info;
        var result = new SessionStatistics(info.Id, info.BootId)
        {
            Events = _walker.Events,
            Malformed = _walker.Malformed,
            GivenUp = _walker.GivenUp,
            LostEvents = info.LostEvents(),
            Truncated = _source.Truncated || !info.EndedCleanly,
            StartNs = info.Clock.StartNs,
            EndNs = info.Clock.EndNs != 0 ? info.Clock.EndNs : _walker.LastNs,
        };
        foreach (Service service in info.Services)
        {
            ServiceTally tally = TallyOf(_walker.Parties.OfService(service.Name))!;
            tally.Statistics.Match.UnionWith(service.Match);
        }

        foreach (ServiceTally tally in _services.Values)
        {
            ServiceStatistics sums = tally.Finish();
            sums.Listens.UnionWith(_walker.Listeners.Of(tally.Party));
            result.Services.Add(tally.Party.Key, sums);
        }

        foreach (((int service, string listen, Origin origin, int direct), FlowStatistics flow) in _flows)
        {
            ServiceStatistics sums = result.Services[_walker.Parties.All[service].Key];
            sums.Flows.Add(new FlowKey(listen, KeyOf(origin), KeyOf(direct)), flow);
            sums.LostBySession[(listen, info.Id)] = result.LostEvents;
        }

        foreach (((string service, Origin origin), ulong ns) in _links.Cpu.Sums)
        {
            Dictionary<OriginKey, ulong> cpu = result.Services[_walker.Parties.OfService(service).Key].Cpu;
            OriginKey key = KeyOf(origin);
            cpu[key] = cpu.GetValueOrDefault(key) + ns;
        }

        foreach ((string service, NobodysCpu nobodys) in _links.Cpu.Nobodys)
        {
            ServiceStatistics sums = result.Services[_walker.Parties.OfService(service).Key];
            sums.CpuOfCallsUntoldNs += nobodys.OfCallsNs;
            sums.CpuTornNs += nobodys.TornNs;
        }

        foreach (SampleTree tree in _links.Samples.Chosen) result.Samples.Add((tree, KeyOf(tree.Origin)));
        foreach (PartyFacts facts in _facts.Finish()) result.Parties.Add(facts.Key, facts);
        return result;
    }

    private void Fold(ServiceTally tally, ProcessNotes notes)
    {
        // Most processes served the same as the one of the service that ended before.
        if (tally.LastProfile is { } last && tally.LastNotes!.IsAlike(notes)) Fold(last, notes, last.Served.Count);
        else FoldNew(tally, notes);
    }

    private void FoldNew(ServiceTally tally, ProcessNotes notes)
    {
        ServedKey[] served = [.. notes.Served.Select(s => new ServedKey(KeyOf(s.Origin), KeyOf(s.Direct)))];
        string listen = notes.Listen ?? "";
        bool told = true;

        // Lengths in front of texts: names may hold any character.
        string text = string.Join('|', served.Select(s => Sized(s.Origin.Service) + Sized(s.Origin.Outside) + Sized(s.Origin.Known) + Sized(s.Direct)));
        text = $"{Sized(listen)}{(notes.Interleaved ? '!' : '.')}{text}";
        if (!tally.Statistics.Profiles.TryGetValue(text, out ProfileStatistics? profile))
        {
            if (tally.Statistics.Profiles.Count >= MostProfiles && served.Length > 0)
            {
                told = false;

                // For whom these worked is not told any more: that speaks against binding them, never for it.
                (text, listen, served) = (notes.Interleaved ? "!" : ".", "", [new ServedKey(KeyOf(Origin.Unknown), "")]);
                (notes.OtherRequests, notes.Requests[0]) = (notes.OtherRequests + notes.Requests.Sum(), 0);
            }

            if (!tally.Statistics.Profiles.TryGetValue(text, out profile))
                tally.Statistics.Profiles.Add(text, profile = new ProfileStatistics(listen, served, notes.Interleaved));
        }

        if (told) (tally.LastProfile, tally.LastNotes) = (profile, notes);
        Fold(profile, notes, served.Length);
    }

    private static void Fold(ProfileStatistics profile, ProcessNotes notes, int served)
    {
        profile.Processes++;
        profile.CpuNs += notes.CpuNs;
        profile.CpuApartNs += notes.CpuApartNs;
        for (int i = 0; i < served; i++) profile.Requests[i] += notes.Requests[i];
        profile.Requests[served] += notes.OtherRequests;
        foreach ((int index, EvidenceSample sample) in notes.Changes)
        {
            if (profile.Changes.Count < ProfileStatistics.MostCounterExamples) profile.Changes.Add((Math.Min(index, served), sample));
        }
    }

    private static string Sized(string text) => string.Create(CultureInfo.InvariantCulture, $"{text.Length}:{text}");

    private string KeyOf(int party) => party < 0 ? "" : _walker.Parties.All[party].Key;

    private OriginKey KeyOf(Origin origin)
    {
        string known = origin.Known > 0 && origin.Known <= _source.VirtualServices.Count ? _source.VirtualServices[origin.Known - 1] : "";
        return new OriginKey(KeyOf(origin.Service), KeyOf(origin.Outside), known);
    }

    /// <summary>What is kept of a server-side connection.</summary>
    private sealed class EndNotes(string listen)
    {
        public string Listen { get; } = listen;

        public FlowStatistics? Flow { get; set; }

        public Origin Origin { get; set; }

        public int Direct { get; set; } = -1;

        public string Peer { get; set; } = "";

        public int PeerPid { get; set; }

        public bool Sampled { get; set; }
    }
}
