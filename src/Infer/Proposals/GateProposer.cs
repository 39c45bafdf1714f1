using VirtualServices.Infer.Statistics;
using VirtualServices.Model;

namespace VirtualServices.Infer.Proposals;

/// <summary>
/// Proposes gates with the widest scope that is safe: the process where it works for one requester all its life, the request where one thread goes back and forth or serves one connection after the
/// other; says why not for all others.
/// </summary>
/// <param name="tenants">Who asks.</param>
/// <param name="oneAtATime">Key of the service that serves one connection after the other and is shared by holding its front doors, empty where there is none: see <see cref="FrontDoorHolding"/>.</param>
/// <param name="unknowns">Gets the reasons for what is not proposed.</param>
internal sealed class GateProposer(TenantMap tenants, string oneAtATime, List<Unknown> unknowns)
{
    private readonly NameBook _gateIds = new();

    /// <summary>Gates of a service in the order of their addresses; none where they would not be safe or where nothing was seen.</summary>
    public IReadOnlyList<Gate> Propose(ServiceStatistics statistics, string name, List<string> notes)
    {
        ExecutionModel model = statistics.Model.Classify();
        bool byRequest = model is ExecutionModel.EventLoop or ExecutionModel.PreFork;
        SortedDictionary<string, GateTally> tallies = GateTally.Of(statistics, tenants, forGood: !byRequest);
        long interleaved = tallies.Values.Sum(t => t.Interleaved);
        if (interleaved > 0 && model != ExecutionModel.EventLoop)
        {
            // Never binds: process, whatever the other processes do: the process would work for one and be charged to the other.
            unknowns.Add(new Unknown(name, $"no gate: {Words.Count(interleaved, "process was", "processes were")} asked by two requesters at the same time, so binding the process would charge one for the other", interleaved, 0));
            return [];
        }

        if (tallies.Values.All(t => t.Observed == 0)) return [];
        if (WhyNot(statistics, model) is { } reason)
        {
            unknowns.Add(new Unknown(name, "no gate: " + reason, tallies.Values.Sum(t => t.Observed), 0));
            return [];
        }

        string[] proven = [.. tallies.Where(t => t.Value.Agreed > 0).Select(t => t.Key)];
        string[] asked = [.. tallies.Where(t => t.Value.Observed > 0).Select(t => t.Key)];
        string[] silent = [.. statistics.Listens.Where(l => !asked.Contains(l, StringComparer.Ordinal))];
        if (byRequest)
        {
            asked = CanBeHeld(asked, tallies, name, model);
            proven = [.. proven.Intersect(asked, StringComparer.Ordinal)];
        }

        foreach (string listen in silent) unknowns.Add(new Unknown(name, $"no rule for {Words.Clean(listen)}: nobody asked there", 0, 0));
        foreach (string listen in asked.Except(proven, StringComparer.Ordinal))
        {
            unknowns.Add(new Unknown(name, $"no rule for {Place(listen)}: no requester could be told there", tallies[listen].Observed, 0));
        }

        if (proven.Length == 0) return [];
        var gates = new List<Gate>();
        if (proven.Length > 1 && silent.Length == 0 && proven.Length == asked.Length && !byRequest)
        {
            // Every address is covered by evidence: one rule without narrowing says the same as one rule for each.
            var all = new GateTally();
            foreach (GateTally tally in tallies.Values) all.Add(tally);
            gates.Add(Make(name, null, all, model, notes));
        }
        else
        {
            foreach (string listen in proven)
            {
                if (ListenAddress.TryParse(listen, out ListenAddress address)) gates.Add(Make(name, address, tallies[listen], model, notes));
                else if (proven.Length == 1 && silent.Length == 0 && !byRequest) gates.Add(Make(name, null, tallies[listen], model, notes));
                else unknowns.Add(new Unknown(name, "no rule for connections whose listening address is not known", tallies[listen].Observed, 0));
            }
        }

        return gates;
    }

    // Requests are enforced by holding TCP connections: a gate for others would be refused.
    private string[] CanBeHeld(string[] asked, SortedDictionary<string, GateTally> tallies, string name, ExecutionModel model)
    {
        string how = model == ExecutionModel.EventLoop ? "one thread serves several requesters (event loop)" : "its processes serve one connection after another (pre-fork)";
        ILookup<bool, string> found = asked.ToLookup(listen => ListenAddress.TryParse(listen, out ListenAddress address) && address.Protocol == TransportProtocol.Tcp);
        foreach (string listen in found[false])
            unknowns.Add(new Unknown(name, $"no rule for {Place(listen)}: {how}, and only requests over TCP can be admitted one by one", tallies[listen].Observed, 0));
        return [.. found[true]];
    }

    private static string Place(string listen) => listen.Length == 0 ? "connections whose listening address is not known" : Words.Clean(listen);

    /// <summary>Why no gate would be safe or could be enforced, or null.</summary>
    private string? WhyNot(ServiceStatistics statistics, ExecutionModel model)
    {
        ModelEvidence evidence = statistics.Model;
        return model switch
        {
            ExecutionModel.ProcessPerConnection or ExecutionModel.EventLoop => null,
            ExecutionModel.PreFork when statistics.Key == oneAtATime => null,
            ExecutionModel.PreFork when oneAtATime.Length > 0 => $"its processes serve one connection after another (pre-fork), which is shared by holding requests at the front doors; that can be done for one service only, and {tenants.PartyName(oneAtATime)} works more",
            ExecutionModel.PreFork =>
                "its processes serve one connection after another (pre-fork), which is shared by holding requests at the front doors; none of those that ask it was seen to accept connections over TCP: record them, too",
            ExecutionModel.ThreadPerConnection => "it serves each connection with a thread, and threads are not bound yet",
            _ when evidence.ForProcessPerConnection > 0 =>
                $"the evidence is divided: {Words.Count(evidence.ForProcessPerConnection, "connection has", "connections have")} a process of their own, {Words.Count(evidence.AgainstProcessPerConnection, "observation speaks", "observations speak")} against it",
            _ => "how it serves connections was not seen; record while new connections are made",
        };
    }

    private Gate Make(string service, ListenAddress? listen, GateTally tally, ExecutionModel model, List<string> notes)
    {
        if (tally.Requesters.Count == 1)
            notes.Add($"Only {tally.Requesters.Min} asked{(listen is null ? "" : $" at {Words.Clean(listen.ToString())}")}: the gate charges it, but there is nobody yet to share with.");
        if (model == ExecutionModel.PreFork)
            notes.Add("It serves one connection after another, so requests are held at the front doors, one hop before it. The front doors must accept connections over TCP and wait for them in epoll, poll or select: vs enforce looks at that.");
        string id = _gateIds.Take(listen is null ? $"{service}-receive" : $"{service}-receive-{listen}");
        return new Gate(
            id,
            service,
            GateCall.Receive,
            new GateCondition(listen, null),
            new Classification(ClassificationKind.Requester),
            model is ExecutionModel.EventLoop or ExecutionModel.PreFork ? BindScope.Request : BindScope.Process,
            GateState.Proposed,
            tally.ToEvidence(model),
            GateReview.None);
    }
}
