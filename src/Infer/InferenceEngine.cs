using VirtualServices.Infer.Links;
using VirtualServices.Infer.Proposals;
using VirtualServices.Infer.Statistics;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer;

/// <summary>Infers who works for whom from sessions, and proposes rules. The same sessions give the same result, in whatever order they are added.</summary>
public sealed class InferenceEngine
{
    /// <summary>Best effort gets what is left over: a tenth of a tenant, enough not to starve.</summary>
    private const int BestEffortWeight = 10;

    private readonly SortedDictionary<string, SessionStatistics> _sessions = new(StringComparer.Ordinal);

    /// <summary>Reads a session to its end and keeps its sums. The source is not disposed of.</summary>
    /// <exception cref="VsException">The session has been added before: it would count twice.</exception>
    public void Add(IEventSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (_sessions.ContainsKey(source.Info.Id))
            throw new VsException(ExitCode.Usage, $"session {Words.Clean(source.Info.Id)} is given twice: its evidence would count double; name each session once");
        _sessions.Add(source.Info.Id, StatisticsCollector.Collect(source));
    }

    /// <summary>Merges what was read. Sessions may be added and the result asked for again.</summary>
    public InferenceResult Complete()
    {
        var all = new SessionStatistics("", "");
        foreach (SessionStatistics session in _sessions.Values) all.Add(session);
        var tenants = new TenantMap(all, _sessions.Values.Select(s => s.BootId).Distinct(StringComparer.Ordinal).Count());
        var unknowns = new List<Unknown>();
        var proposer = new GateProposer(tenants, FrontDoorHolding.Choose(all, tenants), unknowns);
        var serviceNames = new NameBook();
        var services = new List<Service>();
        var gates = new List<Gate>();
        var findings = new List<ServiceFinding>();
        foreach (ServiceStatistics statistics in all.Services.Values)
        {
            string name = serviceNames.Take(statistics.Name);
            var notes = new List<string>();
            bool shared = tenants.Shared.Contains(statistics.Key);
            IReadOnlyList<Gate> own = shared ? proposer.Propose(statistics, name, notes) : [];
            gates.AddRange(own);
            if (own.Count > 0) services.Add(new Service(name, MatchOf(statistics)));
            findings.Add(FindingMaker.Make(statistics, name, shared, tenants, notes, unknowns));
        }

        foreach (Tenant tenant in tenants.Tenants)
        {
            if (tenant.FrontDoors.Count == 0) unknowns.Add(new Unknown(tenant.Party, "no virtual service: " + tenant.Reason, 0, 0));
        }

        foreach (SessionStatistics session in _sessions.Values)
        {
            string subject = "session " + Words.Clean(session.Id);
            if (session.LostEvents > 0) unknowns.Add(new Unknown(subject, "events were lost while it was recorded: what they said is missing from every count", session.LostEvents, 0));
            if (session.Malformed > 0) unknowns.Add(new Unknown(subject, "events that cannot be were left out: the file is damaged or its source is faulty", session.Malformed, 0));
            if (session.GivenUp > 0) unknowns.Add(new Unknown(subject, "sockets or threads whose end was never seen, more than any host has at a time: those not used for longest were taken to be gone", session.GivenUp, 0));
            if (session.Truncated) unknowns.Add(new Unknown(subject, "it did not end cleanly: what came after the cut is missing", 0, 0));
        }

        VirtualService[] virtualServices =
        [
            .. tenants.Tenants.Where(t => t.FrontDoors.Count > 0).OrderBy(t => t.Name, StringComparer.Ordinal).Select(t => Make(t.Name, t.FrontDoors)),
            new VirtualService(VirtualService.BestEffort, null, 0, new CpuShare(BestEffortWeight), new NetworkShare(BestEffortWeight), null, []),
        ];
        return new InferenceResult(tenants)
        {
            Rules = new RuleSet(virtualServices, services, gates),
            Services = [.. findings.OrderBy(f => f.Name, StringComparer.Ordinal)],
            Unknowns = [.. unknowns.OrderBy(u => u.Subject, StringComparer.Ordinal).ThenBy(u => u.Reason, StringComparer.Ordinal)],
            Samples = Samples(tenants),
            Sessions = [.. _sessions.Values.Select(s => new SessionFinding(s.Id, s.Events, s.LostEvents, s.Malformed, Math.Max(s.EndNs - s.StartNs, 0), s.Truncated))],
        };
    }

    /// <summary>The best sample of each service over all sessions, of the first session where they are alike.</summary>
    private List<SampleRequest> Samples(TenantMap tenants)
    {
        var best = new SortedDictionary<string, (SampleTree Tree, OriginKey Origin, SessionStatistics Session)>(StringComparer.Ordinal);
        foreach (SessionStatistics session in _sessions.Values)
        {
            foreach ((SampleTree tree, OriginKey origin) in session.Samples)
            {
                if (!best.TryGetValue(tree.Service, out var known) || (tree.Steps.Count > known.Tree.Steps.Count && tree.CompareTo(known.Tree) > 0)) best[tree.Service] = (tree, origin, session);
            }
        }

        return [.. best.Values.Select(sample => SampleRequest.Of(sample.Tree, sample.Session.Id, tenants.NameOf(sample.Origin)))];
    }

    private static VirtualService Make(string name, IReadOnlyList<Selector> doors) =>
        new(name, null, 0, new CpuShare(), new NetworkShare(), null, doors);

    /// <summary>How the rules find the service again: as it was chosen for the recording, unless that was a pid, which the next restart changes; then by where it listens.</summary>
    private static Selector[] MatchOf(ServiceStatistics statistics)
    {
        Selector[] lasting = [.. statistics.Match.Where(s => s.Kind != SelectorKind.Pid)];
        if (lasting.Length > 0) return lasting;
        Selector[] listens = [.. statistics.Listens.Select(l => new Selector(SelectorKind.Listen, l))];
        return listens.Length > 0 ? listens : [.. statistics.Match];
    }
}
