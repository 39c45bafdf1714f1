using VirtualServices.Infer.Statistics;

namespace VirtualServices.Infer.Proposals;

/// <summary>Puts the sums of a service into words and parts.</summary>
internal static class FindingMaker
{
    public static ServiceFinding Make(ServiceStatistics statistics, string name, bool shared, TenantMap tenants, List<string> notes, List<Unknown> unknowns)
    {
        var cpu = new SortedDictionary<string, ulong>(StringComparer.Ordinal);
        ulong nobody = 0;
        ulong background = 0;
        ulong unknownRequesters = 0;
        ulong apart = 0;
        long backgroundProcesses = 0;
        foreach (ProfileStatistics profile in statistics.Profiles.Values)
        {
            nobody += profile.CpuNs;
            if (profile.Served.Count > 0)
            {
                apart += profile.CpuApartNs;
                continue;
            }

            background += profile.CpuNs;
            backgroundProcesses += profile.Processes;
        }

        foreach ((OriginKey origin, ulong ns) in statistics.Cpu)
        {
            if (tenants.NameOf(origin) is not { } vs)
            {
                unknownRequesters += ns;
                continue;
            }

            cpu[vs] = cpu.GetValueOrDefault(vs) + ns;
            nobody -= ns;
        }

        Flow[] flows = [.. statistics.Flows
            .Select(f => (f.Key, f.Value, Vs: tenants.NameOf(f.Key.Origin), From: tenants.PartyName(f.Key.Direct)))
            .GroupBy(f => (f.Key.Listen, f.From, f.Vs))
            .OrderBy(g => g.Key.Listen, StringComparer.Ordinal).ThenBy(g => g.Key.Vs, StringComparer.Ordinal).ThenBy(g => g.Key.From, StringComparer.Ordinal)
            .Select(g => new Flow(g.Key.Listen, g.Key.From, g.Key.Vs, g.Sum(f => f.Value.Requests), g.Sum(f => f.Value.Connections)))];
        Explain(statistics, name, shared, flows, tenants, unknowns, unknownRequesters);
        if (shared && backgroundProcesses > 0)
        {
            unknowns.Add(new Unknown(name, "processes that were asked by no connection: the listening process, background work, workers that another process started on behalf of a request. For whom they work cannot be told; they are charged to nobody", backgroundProcesses, background));
        }

        if (shared) ExplainCpu(statistics, name, nobody - background - unknownRequesters, apart, unknowns);
        if (!shared && statistics.Flows.Count > 0) notes.Add("It asks other recorded services and no recorded service asks it: a front end. Whoever asks it is outside.");
        return new ServiceFinding
        {
            Name = name,
            Shared = shared,
            Model = statistics.Model.Classify(),
            Evidence = statistics.Model,
            Listens = [.. statistics.Listens.Union(statistics.Flows.Keys.Select(f => f.Listen).Where(l => l.Length > 0)).Order(StringComparer.Ordinal)],
            Flows = flows,
            Cpu = [.. cpu.Select(c => new CpuPart(c.Key, c.Value))],
            CpuForNobodyNs = nobody,
            BackgroundCpuNs = background,
            BackgroundProcesses = backgroundProcesses,
            Bytes = (statistics.BytesIn, statistics.BytesOut),
            Notes = notes,
        };
    }

    /// <summary>CPU time of processes that were asked, and that works for none of the requests.</summary>
    private static void ExplainCpu(ServiceStatistics statistics, string name, ulong cpuNs, ulong apartNs, List<Unknown> unknowns)
    {
        if (apartNs > 0)
            unknowns.Add(new Unknown(name, "time of threads that touch no connection: the run-time's own (memory, compiling, timers), or threads that only see what there is to do. Where one woke the thread that then took it up, it is not counted here", 0, apartNs));
        if (statistics.CpuTornNs > 0)
            unknowns.Add(new Unknown(name, "time of threads that answered one request just after they received another: for which of them cannot be told", 0, statistics.CpuTornNs));
        ulong between = cpuNs - Math.Min(cpuNs, apartNs + statistics.CpuTornNs + statistics.CpuOfCallsUntoldNs);
        if (between > 0)
            unknowns.Add(new Unknown(name, "time of threads that serve, before their first request, between requests and after the last: start-up, waiting, tidying up, and what follows a wait of which is not known what ended it", 0, between));
    }

    private static void Explain(ServiceStatistics statistics, string name, bool shared, Flow[] flows, TenantMap tenants, List<Unknown> unknowns, ulong cpuNs)
    {
        if (statistics.Flows.Count == 0)
        {
            if (!tenants.FrontEnds.Contains(statistics.Key)) unknowns.Add(new Unknown(name, "nobody was seen to ask it: no rule without data", 0, 0));
            return;
        }

        if (statistics.CallsUntold > 0)
            unknowns.Add(new Unknown(name, "calls for which several requests come into question, and none much more than the others: no link is told, and what was asked by them is nobody's", statistics.CallsUntold, statistics.CpuOfCallsUntoldNs));
        if (statistics.CallsUnasked > 0)
            unknowns.Add(new Unknown(name, "calls that were made while no request was open: work of its own, or for a request whose arrival is not in the recording", statistics.CallsUnasked, 0));
        if (!shared) return;
        long strangers = flows.Where(f => f.VirtualService is null && f.From.Length == 0).Sum(f => f.Requests);
        if (strangers > 0)
            unknowns.Add(new Unknown(name, "requests whose sender is not known: it runs on another host, or ended before it could be looked up", strangers, cpuNs));
        var unnamed = tenants.Tenants.Where(t => t.FrontDoors.Count == 0).Select(t => t.Party).ToHashSet(StringComparer.Ordinal); // told of as tenants
        foreach (IGrouping<string, Flow> middle in flows.Where(f => f.VirtualService is null && f.From.Length > 0 && !unnamed.Contains(f.From)).GroupBy(f => f.From, StringComparer.Ordinal))
        {
            unknowns.Add(new Unknown(name, $"requests from {middle.Key}, which is asked by others itself: for which of them it called cannot be told", middle.Sum(f => f.Requests), cpuNs));
        }
    }
}
