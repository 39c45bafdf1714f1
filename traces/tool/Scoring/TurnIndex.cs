using System.Text.Json;
using VirtualServices.Discover.Sessions;
using VirtualServices.Infer;
using VirtualServices.Infer.Output;
using VirtualServices.Model.Sessions;
using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Scoring;

/// <summary>What the engine writes of a session (the outputs of <c>vs infer</c>, nothing else of it), with the ends and processes of the events it is about.</summary>
internal sealed class TurnIndex
{
    private readonly Dictionary<(long Ns, bool Sent), List<SessionEvent>> _events = [];
    private readonly Dictionary<ulong, SocketDescription> _sockets = [];
    private readonly Dictionary<(string Conn, long Ns), Turn> _requests = [];
    private readonly Dictionary<int, int> _hostPids = [];
    private readonly Dictionary<int, double> _cpuNs = [];
    private readonly HashSet<(ulong Socket, int Pid)> _received = [];

    /// <summary>Infers, and reads what was written.</summary>
    public TurnIndex(string session)
    {
        var engine = new InferenceEngine();
        using (SessionReader reader = SessionReader.Open(session))
        {
            engine.Add(reader);
            Info = reader.Info;
        }

        foreach (ProcessRecord process in Info.Processes.Where(process => process.HostPid != 0)) _hostPids[process.Pid] = process.HostPid;
        Result = engine.Complete();
        ReadEvents(session);
        using StringWriter attribution = new(), links = new();
        using (SessionReader reader = SessionReader.Open(session)) AttributionWriter.Write(Result, reader, attribution);
        using (SessionReader reader = SessionReader.Open(session)) LinkWriter.Write(reader, links);
        foreach (JsonElement line in Lines(attribution))
        {
            Turn turn = Make(line, sent: false, line.GetProperty("vs").GetString(), null);
            Requests.Add(turn);
            _requests[Key(line)] = turn;
        }

        foreach (JsonElement line in Lines(links))
        {
            JsonElement parent = line.GetProperty("parent");
            Calls.Add(Make(line, sent: true, null, parent.ValueKind == JsonValueKind.Null ? null : _requests[Key(parent)]));
        }
    }

    /// <summary>The session.</summary>
    public SessionInfo Info { get; }

    /// <summary>What was inferred.</summary>
    public InferenceResult Result { get; }

    /// <summary>Requests at recorded services.</summary>
    public List<Turn> Requests { get; } = [];

    /// <summary>Outgoing calls of recorded services.</summary>
    public List<Turn> Calls { get; } = [];

    /// <summary>Marks the turns that a truth is about.</summary>
    /// <returns>Hops of which the engine wrote no request.</returns>
    public int Mark(IEnumerable<Hop> hops)
    {
        ILookup<(string, string), Turn> requests = Requests.OrderBy(turn => turn.TimeNs).ToLookup(turn => turn.Ends);
        ILookup<int, Turn> ofProcess = Requests.OrderBy(turn => turn.TimeNs).ToLookup(turn => turn.Pid);
        ILookup<(string, string), Turn> calls = Calls.OrderBy(turn => turn.TimeNs).ToLookup(turn => (turn.Ends.Remote, turn.Ends.Local)); // as their callee has it
        int missing = 0;
        foreach (Hop hop in hops)
        {
            bool connection = hop is { Local: not null, Remote: not null };
            Turn[] marked = Within(hop, connection ? requests[(hop.Local!, hop.Remote!)] : ofProcess[hop.Pid!.Value]);
            marked = [.. marked.Where(turn => turn.Service == hop.Service)];
            if (marked.Length == 0 && Info.Services.Any(service => service.Name == hop.Service)) missing++;
            foreach (Turn turn in marked) turn.Truth = hop;
            (string, string)? ends = connection ? (hop.Local!, hop.Remote!) : marked.LastOrDefault()?.Ends;
            if (ends is not { } known) continue;
            foreach (Turn turn in Within(hop, calls[known])) turn.Truth = hop;
        }

        return missing;
    }

    /// <summary>CPU time of the processes that these hops name, or that received at their connections, ns; by the events alone, and nothing that was inferred.</summary>
    public double CpuNsOf(IEnumerable<Hop> hops)
    {
        ILookup<(string, string), int> receivers = _received.Where(one => _sockets.ContainsKey(one.Socket))
            .ToLookup(one => (_sockets[one.Socket].Local.ToString(), _sockets[one.Socket].Remote.ToString()), one => one.Pid);
        return hops.SelectMany(hop => hop.Pid is { } pid ? [pid] : receivers[(hop.Local!, hop.Remote!)]).Distinct().Sum(pid => _cpuNs.GetValueOrDefault(pid));
    }

    private Turn[] Within(Hop hop, IEnumerable<Turn> turns)
    {
        long until = hop.UtcNs - Info.Clock.UtcOffsetNs;
        if (hop.FromUtcNs is { } from) return [.. turns.Where(turn => turn.TimeNs > from - Info.Clock.UtcOffsetNs && turn.TimeNs <= until)];
        return turns.LastOrDefault(turn => turn.TimeNs <= until) is { } last ? [last] : [];
    }

    private void ReadEvents(string session)
    {
        using SessionReader reader = SessionReader.Open(session);
        SessionEvent[] buffer = new SessionEvent[1024];
        Dictionary<(int Pid, int Tid), ulong> threads = [];
        for (int count; (count = reader.Read(buffer)) > 0;)
        {
            foreach (ref readonly SessionEvent e in buffer.AsSpan(0, count))
            {
                AddCpu(threads, in e);
                if (e is { Call: CallKind.Receive, Result: > 0, Socket: not 0 }) _received.Add((e.Socket, HostPid(e.Pid)));
                if (e.Result <= 0 || e.Call is not (CallKind.Receive or CallKind.Send)) continue;
                (long, bool) key = (e.TimeNs, e.Call == CallKind.Send);
                if (!_events.TryGetValue(key, out List<SessionEvent>? same)) _events.Add(key, same = []);
                same.Add(e);
            }
        }

        foreach (SocketDescription socket in reader.Info.Sockets.Select(record => record.Description).Concat(reader.Descriptions))
        {
            _sockets[socket.Id] = socket;
            if (socket.Inode != 0) _sockets[socket.Inode | SocketDescription.InodeFlag] = socket;
        }
    }

    /// <summary>What a thread spent since its event before is its process's.</summary>
    private void AddCpu(Dictionary<(int Pid, int Tid), ulong> threads, in SessionEvent e)
    {
        if (e.Call == CallKind.Fork && e.Child > 0) threads[(e.ChildPid > 0 ? e.ChildPid : e.Child, e.Child)] = 0;
        if (e.Call == CallKind.Describe || e.Tid == 0 || e.CpuNs == 0) return;
        if (threads.TryGetValue((e.Pid, e.Tid), out ulong before) && e.CpuNs > before) _cpuNs[HostPid(e.Pid)] = _cpuNs.GetValueOrDefault(HostPid(e.Pid)) + (e.CpuNs - before);
        threads[(e.Pid, e.Tid)] = e.CpuNs;
        if (e.Call == CallKind.Exit) threads.Remove((e.Pid, e.Tid)); // its number may be used again
    }

    private int HostPid(int pid) => _hostPids.GetValueOrDefault(pid, pid);

    private Turn Make(JsonElement line, bool sent, string? tenant, Turn? parent)
    {
        (string conn, long ns) = Key(line);
        List<SessionEvent> same = _events[(ns, sent)];
        SessionEvent e = same.Count == 1 ? same[0] : same.First(one => NameOf(one.Socket) == conn);
        SocketDescription? socket = _sockets.GetValueOrDefault(e.Socket);
        string remote = e.HasPeer ? e.Peer.ToString() : socket?.Remote.ToString() ?? "";
        return new Turn
        {
            Service = line.GetProperty("service").GetString(),
            Pid = HostPid(e.Pid),
            Ends = (socket?.Local.ToString() ?? "", remote),
            TimeNs = sent ? ns : ns + e.DurationNs,
            Tenant = tenant,
            Parent = parent,
            Confidence = line.GetProperty("confidence").GetDouble(),
        };
    }

    private string NameOf(ulong socket) => _sockets.GetValueOrDefault(socket) is { } known
        ? known.Connection.Length > 0 ? known.Connection : known.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)
        : socket.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static (string Conn, long Ns) Key(JsonElement line) => (line.GetProperty("conn").GetString()!, line.GetProperty("ts").GetInt64());

    private static IEnumerable<JsonElement> Lines(StringWriter text) =>
        text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement);
}
