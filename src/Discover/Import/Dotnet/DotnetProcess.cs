using System.Globalization;
using VirtualServices.Model;

namespace VirtualServices.Discover.Import.Dotnet;

/// <summary>A process of a nettrace file: what is open in it.</summary>
/// <param name="host">Tells processes of one number apart that are in namespaces of their own, else empty.</param>
/// <param name="pid">Process id as the file has it.</param>
internal sealed class DotnetProcess(string host, int pid)
{
    private const int Most = 1 << 17;

    /// <summary>Activities within each other that are looked through to find who is around.</summary>
    private const int Deepest = 64;

    private readonly Dictionary<string, Lanes> _lanes = new(StringComparer.Ordinal);
    private ulong _requests;

    internal string Host { get; } = host;

    internal int Pid { get; } = pid;

    /// <summary>Name, empty where the file does not tell it.</summary>
    internal string Service { get; set; } = "";

    /// <summary>HttpClient tells of its connections.</summary>
    internal bool TellsHttp { get; set; }

    /// <summary>Ports at which it listens.</summary>
    internal HashSet<int> Ports { get; } = [];

    /// <summary>Connections of clients, by Kestrel's id.</summary>
    internal RecentTable<string, DotnetEnd> Servers { get; } = new(Most);

    /// <summary>Connections to others, by what has an id for them and that id.</summary>
    internal RecentTable<(string Kind, string Id), DotnetEnd> Clients { get; } = new(Most);

    /// <summary>Requests whose span was begun on a thread, which goes on to tell the connection.</summary>
    internal RecentTable<int, DotnetRequest> Beginning { get; } = new(Most);

    internal RecentTable<ulong, DotnetRequest> RequestsBySpan { get; } = new(Most);

    internal RecentTable<string, DotnetRequest> RequestsById { get; } = new(Most);

    internal RecentTable<ulong, DotnetCall> CallsBySpan { get; } = new(Most);

    /// <summary>For which request each span is.</summary>
    internal RecentTable<ulong, ulong> RequestOfSpan { get; } = new(Most);

    private RecentTable<Guid, DotnetActivity> Activities { get; } = new(Most);

    /// <summary>A number for a request without a span.</summary>
    internal ulong NextRequest() => ++_requests;

    internal string NameOf(string kind, string id) => Host.Length > 0
        ? string.Create(CultureInfo.InvariantCulture, $"{kind}-{Host}-{Pid}-{id}")
        : string.Create(CultureInfo.InvariantCulture, $"{kind}-{Pid}-{id}");

    /// <summary>An activity began.</summary>
    internal void Began(DotnetEvent e, DotnetRequest? request, DotnetCall? call)
    {
        if (e.Activity == Guid.Empty) return;
        Activities.Set(e.Activity, new DotnetActivity(e.Related, request, call));
    }

    /// <summary>The innermost activity around an event, itself included, that has something to say.</summary>
    internal DotnetActivity? Around(DotnetEvent e, Func<DotnetActivity, bool> says)
    {
        DotnetActivity? activity = Activities.Find(e.Activity) ?? Activities.Find(e.Related);
        for (int depth = 0; activity is not null && depth < Deepest; depth++)
        {
            if (says(activity)) return activity;
            activity = Activities.Find(activity.Around);
        }

        return null;
    }

    /// <summary>A number that no other request or call of the kind has that is on its way: where the file names no connection, one is assumed for it.</summary>
    internal int TakeLane(string kind)
    {
        if (!_lanes.TryGetValue(kind, out Lanes? lanes)) _lanes.Add(kind, lanes = new Lanes());
        return lanes.Free.TryDequeue(out int lane, out _) ? lane : ++lanes.Taken;
    }

    internal void FreeLane(string kind, int lane) => _lanes[kind].Free.Enqueue(lane, lane);

    /// <summary>The connection that is assumed.</summary>
    internal DotnetEnd EndOf(string kind, int lane, Endpoint remote) =>
        new(NameOf(kind, string.Create(CultureInfo.InvariantCulture, $"assumed-{(remote == Endpoint.None ? "" : remote + "-")}{lane}"))) { Remote = remote };

    private sealed class Lanes
    {
        public int Taken { get; set; }

        public PriorityQueue<int, int> Free { get; } = new();
    }
}

/// <summary>An activity that the runtime followed.</summary>
/// <param name="Around">The one around it, empty for none.</param>
/// <param name="Request">The request that it is, if so.</param>
/// <param name="Call">The call that it is, if so.</param>
internal sealed record DotnetActivity(Guid Around, DotnetRequest? Request, DotnetCall? Call);

/// <summary>This end of a connection, or of one stream of several on a connection.</summary>
internal sealed class DotnetEnd(string name)
{
    internal string Name { get; set; } = name;

    internal Endpoint Local { get; set; } = Endpoint.None;

    internal Endpoint Remote { get; set; } = Endpoint.None;

    /// <summary>Its begin was captured.</summary>
    internal bool Fresh { get; init; }

    /// <summary>An event named it.</summary>
    internal bool Told { get; set; }

    /// <summary>A request or call is on its way.</summary>
    internal bool Busy { get; set; }

    /// <summary>Answer to the call that was sent over it last and handed on, null where not known yet.</summary>
    internal PendingEvent? Answer { get; set; }

    /// <summary>Both ends are known.</summary>
    internal bool Paired { get; set; }

    /// <summary>A stream of a connection that is busy: it ends with its request.</summary>
    internal bool IsStream { get; init; }
}

/// <summary>A request that the service answers.</summary>
/// <param name="id">As its calls name it.</param>
/// <param name="caller">Span of the call at the other end, 0 where not known.</param>
internal sealed class DotnetRequest(ulong id, ulong caller)
{
    internal ulong Id { get; } = id;

    internal ulong Caller { get; } = caller;

    internal required PendingEvent Receive { get; init; }

    /// <summary>As <see cref="DotnetProcess.TakeLane"/> gave it.</summary>
    internal required int Lane { get; init; }

    /// <summary>Null while not known.</summary>
    internal DotnetEnd? End { get; set; }

    internal bool Answered { get; set; }
}

/// <summary>A call that the service makes.</summary>
/// <param name="kind">Of what.</param>
internal sealed class DotnetCall(string kind)
{
    internal string Kind { get; } = kind;

    /// <summary>For which request, 0 where not known.</summary>
    internal ulong Request { get; set; }

    /// <summary>Its span, 0 for none so far.</summary>
    internal ulong Span { get; set; }

    /// <summary>As <see cref="DotnetProcess.TakeLane"/> gave it, 0 for none.</summary>
    internal int Lane { get; set; }

    /// <summary>The event that tells that it was sent; null before.</summary>
    internal PendingEvent? Send { get; set; }

    /// <summary>Where it goes, as far as known.</summary>
    internal Endpoint Remote { get; set; } = Endpoint.None;

    /// <summary>Null while not known.</summary>
    internal DotnetEnd? End { get; set; }

    internal bool Over { get; set; }
}
