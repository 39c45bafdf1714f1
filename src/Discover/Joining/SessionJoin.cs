using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using VirtualServices.Discover.Packets;
using VirtualServices.Discover.Sessions;
using VirtualServices.Linux.Files;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Joining;

/// <summary>What a join did.</summary>
/// <param name="Events">Events of all sessions.</param>
/// <param name="Proven">Connections that two sessions saw, by the same sequence numbers.</param>
/// <param name="Apart">Address pairs that two sessions have with other sequence numbers.</param>
/// <param name="Clocks">A sentence per session other than the first: where its distance to the first one's clock is from.</param>
/// <param name="Cut">Folders of those that were cut: of each, what came before its cut is joined.</param>
public sealed record JoinResult(long Events, long Proven, long Apart, IReadOnlyList<string> Clocks, IReadOnlyList<string> Cut);

/// <summary>Makes one session of several recordings, of one or more hosts, so that work is followed from one to the next.</summary>
public sealed class SessionJoin : IDisposable
{
    private const string Removed = "Nothing of the joined session is kept. Free space, or write to another disk.";
    private const int MostNoted = 1 << 16;

    private readonly List<Part> _parts = [];
    private readonly HashSet<(PacketEnd, PacketEnd)> _proven = [], _apart = [];

    private SessionJoin(IReadOnlyList<string> folders)
    {
        foreach (string folder in folders) _parts.Add(new Part(folder, SessionReader.Open(folder)));
    }

    /// <summary>Joins recordings. On an error nothing is left behind.</summary>
    /// <param name="folders">Two or more; the first one's clock is kept.</param>
    /// <param name="output">Folder to make.</param>
    /// <param name="progress">Called now and then with what is done: how many packets of a session were read, how many events were written.</param>
    /// <param name="cancel">Ends it.</param>
    /// <exception cref="VsException">One is no recording, their levels differ, or two recorded the same process (exit code 3).</exception>
    public static JoinResult Run(IReadOnlyList<string> folders, string output, Action<string>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(folders);
        if (folders.Count < 2) throw new VsException(ExitCode.Usage, "name two or more sessions to join");
        using SessionJoin join = new(folders);
        join.Check();
        join.NameHosts();
        foreach (Part part in join._parts)
        {
            Action<long>? packets = progress is null ? null : number => progress(string.Create(CultureInfo.InvariantCulture, $"reading {part.Folder}: {number:N0} packets"));
            part.Index = StreamIndex.Read(Path.Combine(part.Folder, SessionReader.PacketsFileName), part.Info.Clock.UtcOffsetNs, packets, cancel);
        }

        List<string> clocks = join.MatchClocks();
        return join.Write(output, clocks, progress, cancel);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Part part in _parts) part.Reader.Dispose();
    }

    private void Check()
    {
        Dictionary<(string Boot, int Pid, long StartNs), Part> recorded = [];
        foreach (Part part in _parts)
        {
            string file = Path.Combine(part.Folder, SessionJson.FileName);
            if (part.Info.Source != "record") throw VsException.BadInput(file, $"expected a recording by vs record, this is of {part.Info.Source}");
            if (part.Info.Level != _parts[0].Info.Level) throw VsException.BadInput(file, $"expected level {_parts[0].Info.Level} as in {_parts[0].Folder}, this is of level {part.Info.Level}: record all at one level");
            foreach (ProcessRecord process in part.Info.Processes.Where(process => process.Service.Length > 0))
            {
                if (recorded.TryAdd((part.Info.BootId, process.Pid, process.StartTimeNs), part) || recorded[(part.Info.BootId, process.Pid, process.StartTimeNs)] == part) continue;
                throw VsException.BadInput(file, $"expected processes that no other session recorded: {process.Pid} ({process.Comm}) is in {recorded[(part.Info.BootId, process.Pid, process.StartTimeNs)].Folder}, too, and would count twice");
            }
        }
    }

    /// <summary>Sessions of one boot are of one host: their ids and clocks are the same.</summary>
    private void NameHosts()
    {
        string[] boots = [.. _parts.Select(part => part.Info.BootId).Distinct(StringComparer.Ordinal)];
        if (boots.Length > JoinedHost.Most) throw new VsException(ExitCode.Usage, $"expected sessions of at most {JoinedHost.Most} hosts");
        HashSet<string> names = new(StringComparer.Ordinal);
        for (int number = 0; number < boots.Length; number++)
        {
            Part[] own = [.. _parts.Where(part => part.Info.BootId == boots[number])];
            string name = own[0].Info.Host;
            for (int again = 2; !names.Add(name); again++) name = $"{own[0].Info.Host}#{again}";
            JoinedHost host = new(number, boots.Length > 1 ? name : "");
            foreach (Part part in own) part.Host = host;
        }
    }

    private List<string> MatchClocks()
    {
        List<string> said = [];
        List<Part> known = [_parts[0]];
        foreach (Part part in _parts.Skip(1))
        {
            Part? same = known.Find(one => one.Info.BootId == part.Info.BootId);
            if (same is not null)
            {
                part.ToFirst = same.ToFirst;
                said.Add($"{part.Folder} has the clock of {same.Folder}");
            }
            else
            {
                ClockMatch? best = null;
                Part? by = null;
                foreach (Part one in known)
                {
                    ClockMatch match = ClockMatch.Of(one.Index, part.Index);
                    if (match.Points > (best?.Points ?? 0)) (best, by) = (match, one);
                }

                if (best is not null)
                {
                    Func<long, long> onward = by!.ToFirst;
                    part.ToFirst = timeNs => onward(best.ToReference(timeNs));
                    said.Add($"clock of {part.Folder} from packets that {by.Folder} saw, too, in {best.Points:N0} seconds");
                }
                else
                {
                    long distance = part.Info.Clock.UtcOffsetNs - _parts[0].Info.Clock.UtcOffsetNs;
                    part.ToFirst = timeNs => timeNs + distance;
                    said.Add($"clock of {part.Folder} from its wall clock, which may be off: no other session saw packets that it saw both ways (vs record --packets)");
                }
            }

            known.Add(part);
        }

        return said;
    }

    private JoinResult Write(string output, List<string> clocks, Action<string>? progress, CancellationToken cancel)
    {
        const int TellEvery = 1 << 14;
        using PrivateFolder folder = PrivateFolder.Create(output);
        SessionWriter? writer = null;
        bool completed = false;
        try
        {
            writer = new SessionWriter(folder, Info(ended: false), Removed);
            PriorityQueue<Part, (long EffectNs, int Order)> next = new();
            for (int order = 0; order < _parts.Count; order++)
                if (_parts[order].MoveNext()) next.Enqueue(_parts[order], (_parts[order].EffectNs, order));
            while (next.TryPeek(out Part? part, out (long EffectNs, int Order) place))
            {
                Write(writer, part);
                if (writer.Events % TellEvery == 0)
                {
                    cancel.ThrowIfCancellationRequested();
                    progress?.Invoke(string.Create(CultureInfo.InvariantCulture, $"joining: {writer.Events:N0} events"));
                }

                if (part.MoveNext()) next.DequeueEnqueue(part, (part.EffectNs, place.Order));
                else next.Dequeue();
            }

            writer.Complete(Info(ended: true));
            completed = true;
            return new JoinResult(writer.Events, _proven.Count, _apart.Count, clocks, [.. _parts.Where(part => part.Reader.Truncated).Select(part => part.Folder)]);
        }
        finally
        {
            writer?.Dispose();
            if (!completed)
            {
                folder.Remove(SessionReader.EventsFileName);
                folder.Remove(SessionJson.FileName);
                folder.RemoveIfEmpty();
            }
        }
    }

    private void Write(SessionWriter writer, Part part)
    {
        SessionEvent e = part.Host.Event(part.Current);
        e.TimeNs = part.ToFirst(e.TimeNs);
        if (e.Call == CallKind.Describe) writer.WriteDescription(in e, Describe(part, part.Reader.Descriptions[part.Current.Child]));
        else writer.Write(in e);
    }

    /// <summary>
    /// Two hosts may have the same addresses for connections of their own: in private networks, behind address translation, or at another time. So addresses are told of one host only; the ends of a connection
    /// between hosts get a name in common, where sequence numbers prove it.
    /// </summary>
    private SocketDescription Describe(Part part, SocketDescription socket)
    {
        SocketDescription described = part.Host.Description(socket);
        if (socket.Protocol != TransportProtocol.Tcp || socket.Local.Address is null || socket.Remote.Address is null) return described;
        (PacketEnd local, PacketEnd remote) = (PacketEnd.Of(socket.Local.Address, socket.Local.Port), PacketEnd.Of(socket.Remote.Address, socket.Remote.Port));
        Part? first = null;
        foreach (Part other in _parts.Where(other => other != part))
        {
            bool? same = part.Index.SameIn(other.Index, local, remote);
            if (same == true) Note(_proven, local, remote);
            if (same == true && other.Host != part.Host) first ??= other;
            if (same == false) Note(_apart, local, remote);
        }

        if (first is null) return described;
        if (_parts.IndexOf(part) < _parts.IndexOf(first)) first = part;
        string[] ends = [$"{socket.Local}", $"{socket.Remote}"];
        return described with { Connection = $"{string.Join('-', ends.Order(StringComparer.Ordinal))}@{first.Host.Name}" };
    }

    private static void Note(HashSet<(PacketEnd, PacketEnd)> pairs, PacketEnd local, PacketEnd remote)
    {
        if (pairs.Count < MostNoted && !pairs.Contains((remote, local))) pairs.Add((local, remote));
    }

    private SessionInfo Info(bool ended)
    {
        SessionInfo first = _parts[0].Info;
        bool oneHost = _parts.All(part => part.Info.BootId == first.BootId);
        string id = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join(' ', _parts.Select(part => part.Info.Id)))).AsSpan(0, 16));
        return first with
        {
            Id = id,
            Host = oneHost ? first.Host : string.Join(", ", _parts.Select(part => part.Host.Name).Distinct(StringComparer.Ordinal)),
            Kernel = string.Join(", ", _parts.Select(part => part.Info.Kernel).Distinct(StringComparer.Ordinal)),
            BootId = oneHost ? first.BootId : id,
            Source = SessionInfo.JoinSource,
            Clock = first.Clock with
            {
                StartNs = _parts.Min(part => part.ToFirst(part.Info.Clock.StartNs)),
                EndNs = ended && _parts.All(part => part.Info.Clock.EndNs > 0) ? _parts.Max(part => part.ToFirst(part.Info.Clock.EndNs)) : 0,
            },
            Services = [.. _parts.SelectMany(part => part.Info.Services).GroupBy(service => service.Name, StringComparer.Ordinal).Select(same => new Service(same.Key, [.. same.SelectMany(service => service.Match).Distinct()]))],
            Processes = [.. _parts.SelectMany(part => part.Info.Processes.Select(part.Host.Process)).GroupBy(process => (process.Pid, process.StartTimeNs)).Select(same => same.MaxBy(process => process.Service.Length > 0)!)],
            Sockets = [.. _parts.SelectMany(part => part.Info.Sockets.Select(socket => part.Host.Record(socket) with { Description = Describe(part, socket.Description) }))],
            Counts = [.. _parts.SelectMany(part => part.Info.Counts).Where(count => count.Source != PacketsInfo.Source).GroupBy(count => count.Source, StringComparer.Ordinal).Select(same => new SourceCount(same.Key, same.Sum(count => count.Events), same.Sum(count => count.Lost), same.Sum(count => count.Unused)))],
            EndedCleanly = ended && !_parts.Exists(part => part.Reader.Truncated),
            Packets = null,
        };
    }

    /// <summary>A session that is joined.</summary>
    private sealed class Part(string folder, SessionReader reader)
    {
        private readonly SessionEvent[] _buffer = new SessionEvent[1024];
        private int _at, _count;

        public string Folder => folder;

        public SessionReader Reader => reader;

        public SessionInfo Info => reader.Info;

        public JoinedHost Host { get; set; } = null!; // set before anything is read

        public StreamIndex Index { get; set; } = null!;

        public Func<long, long> ToFirst { get; set; } = timeNs => timeNs;

        public ref readonly SessionEvent Current => ref _buffer[_at];

        /// <summary>When the event took effect, in the first session's clock.</summary>
        public long EffectNs => ToFirst(ReorderWindow.KeyOf(in Current));

        public bool MoveNext()
        {
            if (++_at < _count) return true;
            _count = reader.Read(_buffer);
            _at = 0;
            return _count > 0;
        }
    }
}
