using VirtualServices.Infer.Inventory;

namespace VirtualServices.Infer.Turns;

/// <summary>Finds who sent a request. Requests wait where the other end is described, or its call is read, later.</summary>
internal sealed class RequestSettler(PartyTable parties, ActivitySink sink)
{
    /// <summary>Most requests of one connection that wait; the oldest is given up then. It bounds memory where a peer stays unknown.</summary>
    private const int MostWaiting = 256;

    /// <summary>Most requests of all connections that wait; then those of the connection that has waited longest are given up.</summary>
    internal const int MostWaitingInAll = 1 << 17;

    private const int LeastAges = 1024;

    private Queue<ConnectionEnd> _byAge = [];
    private int _mostAges = LeastAges;
    private int _waiting;

    /// <summary>A request was received.</summary>
    public void Add(ConnectionEnd end, Request request)
    {
        if (end.Waiting is not { Count: > 0 } && TryOrigin(end, request, out Origin origin))
        {
            Tell(end, request, origin);
            return;
        }

        end.Unsettled = true;
        List<Request> waiting = end.Waiting ??= [];
        if (waiting.Count == MostWaiting)
        {
            Tell(end, waiting[0], Fallback(end, waiting[0]));
            waiting.RemoveAt(0);
            _waiting--;
        }

        if (waiting.Count == 0) _byAge.Enqueue(end);
        waiting.Add(request);
        _waiting++;
        Settle(end);
        while (_waiting > MostWaitingInAll) GiveUp(_byAge.Dequeue());
        if (_byAge.Count < _mostAges) return;

        // Those that wait no more are gone, and must not be kept.
        _byAge = new Queue<ConnectionEnd>(_byAge.Where(one => one.Waiting is { Count: > 0 }).Distinct());
        _mostAges = Math.Max(LeastAges, 2 * _byAge.Count);
    }

    /// <summary>More is known: settles waiting requests in their order.</summary>
    public void Settle(ConnectionEnd end)
    {
        if (end.Waiting is not { } waiting) return;
        int settled = 0;
        while (settled < waiting.Count && TryOrigin(end, waiting[settled], out Origin origin)) Tell(end, waiting[settled++], origin);
        waiting.RemoveRange(0, settled);
        _waiting -= settled;
        end.Unsettled = waiting.Count > 0;
    }

    /// <summary>Nothing more will be known.</summary>
    public void GiveUp(ConnectionEnd end)
    {
        if (end.Waiting is not { Count: > 0 } waiting) return;
        foreach (Request request in waiting) Tell(end, request, Fallback(end, request));
        _waiting -= waiting.Count;
        waiting.Clear();
        end.Unsettled = false;
    }

    /// <summary>For whom a call of a process is, given the request that it works for (or null).</summary>
    public static Origin OriginOfCall(ProcessState caller, ConnectionEnd? parent)
    {
        if (parent is { Unsettled: false, Turns: > 0 }) return parent.Origin;
        return caller.Party is { } party ? new Origin(party.Recorded ? party.Id : -1, party.Recorded ? -1 : party.Id, 0) : Origin.Unknown;
    }

    /// <summary>The party at the other end, or null where unknown.</summary>
    public Party? PeerParty(ConnectionEnd end) =>
        end.Peer?.Owner?.Party ?? end.PeerProcess?.Party ?? (end.PeerRecord is { } record ? parties.Of(record) : null);

    private static int IdOf(Party? party) => party?.Id ?? -1;

    private void Tell(ConnectionEnd end, in Request request, Origin origin)
    {
        end.Origin = origin;
        end.Unsettled = false;
        sink.OnRequest(end, in request, origin);
    }

    private bool TryOrigin(ConnectionEnd end, in Request request, out Origin origin)
    {
        int service = IdOf(request.Process.Party);
        origin = new Origin(service, -1, request.KnownVs);
        if (request.KnownVs != 0) return true;
        if (PeerParty(end) is not { } direct) return false;
        if (!direct.Recorded)
        {
            origin = new Origin(service, direct.Id, 0);
            return true;
        }

        origin = new Origin(direct.Id, -1, 0);
        if (end.Peer is not { } client) return true;
        if (client.InStep && end.InStep)
        {
            if (client.Turns < request.Number && !client.Closed) return false; // its call has not been read yet
            if (client.Turns == request.Number) origin = client.Origin;
            return true;
        }

        // Turns were not counted from the start. The call was sent before the server even asked for bytes, and no reply has come back:
        // this request is that call, and from here on both ends count alike.
        if (client.Turn == TurnDirection.Out && client.TurnNs <= request.TimeNs)
        {
            origin = client.Origin;
            if (end.Turns == request.Number)
            {
                client.Turns = request.Number;
                client.InStep = true;
                end.InStep = true;
            }
        }

        return true;
    }

    /// <summary>What is known of a request whose call was never read.</summary>
    private Origin Fallback(ConnectionEnd end, in Request request)
    {
        Party? direct = PeerParty(end);
        return direct is { Recorded: true } ? new Origin(direct.Id, -1, 0) : new Origin(IdOf(request.Process.Party), IdOf(direct), request.KnownVs);
    }
}
