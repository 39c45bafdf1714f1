using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Sessions;

/// <summary>Counts of a session, read from all its events.</summary>
/// <param name="Events">Events by what they say, in the order of <see cref="CallKind"/>.</param>
/// <param name="Services">Per service, in the order of the session.</param>
/// <param name="Sockets">Sockets described while recording.</param>
/// <param name="Total">All events.</param>
/// <param name="Lost">Lost events: as the session says, or, where it was cut, as the gaps in its events tell.</param>
/// <param name="DurationNs">Length of the recording; where it was cut, up to the last event.</param>
/// <param name="Truncated">The recording was cut.</param>
public sealed record SessionSummary(IReadOnlyDictionary<CallKind, long> Events, IReadOnlyList<ServiceSummary> Services, int Sockets, long Total, long Lost, long DurationNs, bool Truncated)
{
    /// <summary>Reads a session to its end.</summary>
    public static SessionSummary Of(SessionReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        Dictionary<int, string> serviceOf = [];
        foreach (ProcessRecord process in reader.Info.Processes)
            if (process.Service.Length > 0) serviceOf[process.Pid] = process.Service;
        Dictionary<string, Counter> counters = reader.Info.Services.ToDictionary(service => service.Name, _ => new Counter());
        long[] kinds = new long[256];
        long total = 0, lastNs = reader.Info.Clock.StartNs;
        SessionEvent[] buffer = new SessionEvent[4096];
        for (int count; (count = reader.Read(buffer)) > 0;)
        {
            foreach (ref readonly SessionEvent e in buffer.AsSpan(0, count))
            {
                total++;
                kinds[(byte)e.Call]++;
                lastNs = Math.Max(lastNs, e.TimeNs + e.DurationNs);
                if (e.Call == CallKind.Fork && serviceOf.TryGetValue(e.Pid, out string? parent)) serviceOf[e.ChildPid] = parent;
                if (e.Call != CallKind.Describe && serviceOf.TryGetValue(e.Pid, out string? name) && counters.TryGetValue(name, out Counter? counter)) counter.Add(in e);
            }
        }

        return new SessionSummary(
            Enum.GetValues<CallKind>().Where(kind => kinds[(byte)kind] > 0).ToDictionary(kind => kind, kind => kinds[(byte)kind]),
            [.. reader.Info.Services.Select(service => counters[service.Name].ToSummary(service.Name, reader.Info.Processes.Count(process => process.Service == service.Name)))],
            reader.Descriptions.Count,
            total,
            Math.Max(reader.Lost, reader.Info.LostEvents()),
            (reader.Info.Clock.EndNs > 0 ? reader.Info.Clock.EndNs : lastNs) - reader.Info.Clock.StartNs,
            reader.Truncated);
    }

    private sealed class Counter
    {
        private long _events, _received, _sent, _accepted, _connected;

        internal void Add(in SessionEvent e)
        {
            _events++;
            if (e.Result < 0) return;
            switch (e.Call)
            {
                case CallKind.Receive:
                    _received += e.Result;
                    break;
                case CallKind.Send:
                    _sent += e.Result;
                    break;
                case CallKind.Accept:
                    _accepted++;
                    break;
                case CallKind.Connect:
                    _connected++;
                    break;
            }
        }

        internal ServiceSummary ToSummary(string name, int processes) => new(name, processes, _events, _received, _sent, _accepted, _connected);
    }
}

/// <summary>Counts of one service.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Processes">Processes in the inventory.</param>
/// <param name="Events">Calls.</param>
/// <param name="ReceivedBytes">Bytes received over sockets and pipes.</param>
/// <param name="SentBytes">Bytes sent.</param>
/// <param name="Accepted">Connections accepted.</param>
/// <param name="Connected">Connections made.</param>
public sealed record ServiceSummary(string Name, int Processes, long Events, long ReceivedBytes, long SentBytes, long Accepted, long Connected);
