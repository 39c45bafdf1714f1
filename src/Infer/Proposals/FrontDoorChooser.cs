using System.Globalization;
using VirtualServices.Infer.Inventory;
using VirtualServices.Infer.Statistics;
using VirtualServices.Model;

namespace VirtualServices.Infer.Proposals;

/// <summary>Chooses by what a tenant's processes are known.</summary>
/// <remarks>
/// The most stable selector that separates wins. A unit's name is the administrator's own and survives restarts, as does a cgroup path that is not
/// made anew at each start; a uid says who, but everybody who logs in as that user has it, too; an executable says only what; names that the system
/// makes up (session scopes, transient units) change with each start, and a pid ends with its process.
/// A selector that would also choose a process of anybody else in the inventory - another tenant, or the shared service itself - is never chosen:
/// it would charge one for the other.
/// </remarks>
internal static class FrontDoorChooser
{
    private const int MostValues = 8;

    /// <summary>The front doors of a tenant, empty where nothing separates it; then <paramref name="reason"/> says why.</summary>
    public static IReadOnlyList<Selector> Choose(PartyFacts tenant, IReadOnlyCollection<PartyFacts> everybody, int boots, out string reason)
    {
        ProcessFacts own = tenant.Callers;
        ProcessFacts[] others = [.. everybody.Where(p => p.Key != tenant.Key).Select(p => p.All)];
        reason = "";
        if (own.WithoutRecord > 0 && own.Pids.Count == 0)
        {
            reason = "the inventory has no line for its processes, so nothing is known by which they could be chosen";
            return [];
        }

        List<Selector> pick =
            Texts(SelectorKind.Unit, own.Units, u => IsStable(u), u => others.Any(o => o.Units.Contains(u)))
            ?? Texts(SelectorKind.Cgroup, own.Cgroups, IsStablePath, c => Overlaps(c, others))
            ?? Texts(SelectorKind.Uid, [.. own.Uids.Select(u => u.ToString(CultureInfo.InvariantCulture))], u => u != "0", u => others.Any(o => o.Uids.Contains(uint.Parse(u, CultureInfo.InvariantCulture))))
            ?? Texts(SelectorKind.Exe, own.Exes, _ => true, e => others.Any(o => o.Exes.Contains(e)))
            ?? Texts(SelectorKind.Unit, own.Units, u => !PartyTable.IsLogin(u), u => others.Any(o => o.Units.Contains(u)))
            ?? Texts(SelectorKind.Cgroup, own.Cgroups, c => c.Length > 1, c => Overlaps(c, others))
            ?? Pids(own, others, boots)
            ?? [];
        if (pick.Count == 0)
            reason = "unit, cgroup, uid, executable and process tree are all shared with somebody else in the inventory; give it a unit, cgroup or user of its own and record again";
        return pick;
    }

    private static List<Selector>? Texts(SelectorKind kind, SortedSet<string> values, Func<string, bool> usable, Func<string, bool> shared)
    {
        if (values.Count is 0 or > MostValues) return null;
        var selectors = new List<Selector>(values.Count);
        foreach (string value in values)
        {
            var selector = new Selector(kind, value);
            if (!selector.TryValidate(out _) || value.Any(char.IsControl) || !usable(value) || shared(value)) return null;
            selectors.Add(selector);
        }

        return selectors;
    }

    private static List<Selector>? Pids(ProcessFacts own, ProcessFacts[] others, int boots)
    {
        if (boots != 1 || own.WithoutRecord > 0 || own.Pids.Count is 0 or > MostValues || others.Any(o => o.Pids.Overlaps(own.Pids))) return null;
        return [.. own.Pids.Where(p => p.Pid > 0).OrderBy(p => p.Pid).Select(p => new Selector(SelectorKind.Pid, p.Pid.ToString(CultureInfo.InvariantCulture)))];
    }

    private static bool IsStable(string unit) =>
        !PartyTable.IsLogin(unit) && !unit.StartsWith("run-", StringComparison.Ordinal);

    private static bool IsStablePath(string path) => path.Length > 1 && path.Split('/', StringSplitOptions.RemoveEmptyEntries).All(IsStable);

    /// <summary>A cgroup chooses what lies below it, too.</summary>
    private static bool Overlaps(string path, ProcessFacts[] others)
    {
        string below = path.EndsWith('/') ? path : path + "/";
        return others.Any(o => o.Cgroups.Any(c => c == path || c.StartsWith(below, StringComparison.Ordinal)));
    }
}
