using VirtualServices.Infer.Inventory;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Statistics;

/// <summary>Gathers from the inventory by what the processes of each party can be chosen.</summary>
internal sealed class PartyFactsCollector
{
    /// <summary>Deepest chain of parents that is followed: a broken inventory may hold a circle.</summary>
    private const int DeepestChain = 64;

    private readonly string _boot;
    private readonly PartyTable _parties;
    private readonly Dictionary<int, ProcessRecord> _byPid = [];
    private readonly SortedDictionary<string, PartyFacts> _facts = new(StringComparer.Ordinal);
    private readonly Dictionary<int, HashSet<ProcessRecord>> _callers = [];

    public PartyFactsCollector(SessionInfo info, PartyTable parties)
    {
        _boot = info.BootId;
        _parties = parties;
        foreach (ProcessRecord process in info.Processes.OrderBy(p => p.StartTimeNs)) _byPid[process.Pid] = process;
        foreach (ProcessRecord process in info.Processes)
        {
            ProcessFacts all = FactsOf(parties.Of(process)).All;
            AddValues(all, process);
            foreach (ProcessRecord above in Chain(process)) all.Pids.Add((_boot, above.Pid));
        }
    }

    /// <summary>A process of the party asked a service. Called once per connection.</summary>
    public void AddCaller(Party party, ProcessRecord? record)
    {
        ProcessFacts callers = FactsOf(party).Callers;
        if (record is null)
        {
            callers.WithoutRecord++;
            return;
        }

        if (!_callers.TryGetValue(party.Id, out HashSet<ProcessRecord>? seen)) _callers.Add(party.Id, seen = new HashSet<ProcessRecord>(ReferenceEqualityComparer.Instance));
        if (!seen.Add(record)) return;
        AddValues(callers, record);
        ProcessRecord root = record;
        foreach (ProcessRecord above in Chain(record))
        {
            if (_parties.Of(above) == party) root = above;
        }

        callers.Pids.Add((_boot, root.Pid));
    }

    public IEnumerable<PartyFacts> Finish() => _facts.Values;

    private static void AddValues(ProcessFacts facts, ProcessRecord process)
    {
        facts.Units.Add(process.Unit);
        facts.Cgroups.Add(process.Cgroup);
        facts.Uids.Add(process.Uid);
        facts.Exes.Add(process.Exe);
    }

    private IEnumerable<ProcessRecord> Chain(ProcessRecord process)
    {
        ProcessRecord? at = process;
        for (int depth = 0; at is not null && depth < DeepestChain; depth++)
        {
            yield return at;
            at = at.ParentPid == at.Pid ? null : _byPid.GetValueOrDefault(at.ParentPid);
        }
    }

    private PartyFacts FactsOf(Party party)
    {
        if (!_facts.TryGetValue(party.Key, out PartyFacts? facts)) _facts.Add(party.Key, facts = new PartyFacts(party.Key, party.Name, party.Recorded));
        return facts;
    }
}
