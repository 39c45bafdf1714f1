using System.Globalization;
using VirtualServices.Infer.Replays;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Inventory;

/// <summary>Process -> party, for one session.</summary>
internal sealed class PartyTable
{
    private readonly string _bootId;
    private readonly List<Party> _all = [];
    private readonly Dictionary<string, Party> _byKey = new(StringComparer.Ordinal);
    private readonly Dictionary<ProcessRecord, Party> _byRecord = new(ReferenceEqualityComparer.Instance); // lines of the inventory, which it keeps anyway
    private readonly SessionInfo _info;
    private readonly SelectorMatcher _matcher;
    private readonly HashSet<string> _recordedUnits = new(StringComparer.Ordinal);
    private readonly HashSet<string> _recordedCgroups = new(StringComparer.Ordinal);

    public PartyTable(SessionInfo info)
    {
        _info = info;
        _matcher = new SelectorMatcher(info);
        _bootId = info.BootId;
        foreach (ProcessRecord process in info.Processes)
        {
            if (process.Service.Length == 0) continue;
            _recordedUnits.Add(process.Unit);
            _recordedCgroups.Add(process.Cgroup);
        }
    }

    /// <summary>All parties so far, by id.</summary>
    public IReadOnlyList<Party> All => _all;

    /// <summary>The party of a recorded service.</summary>
    public Party OfService(string service) => Get("service:" + service, service, recorded: true);

    /// <summary>The party of a process in the inventory.</summary>
    public Party Of(ProcessRecord process)
    {
        if (!_byRecord.TryGetValue(process, out Party? party)) _byRecord.Add(process, party = Find(process));
        return party;
    }

    private Party Find(ProcessRecord process)
    {
        if (process.Service.Length > 0) return OfService(process.Service);

        // A process that entered the service's unit or cgroup after the recording had begun was not recorded itself, but its service is known all the same.
        if (_info.Services.FirstOrDefault(service => service.Match.Any(selector => BelongsByItself(selector, process))) is { } late) return OfService(late.Name);

        // A unit or cgroup in which a recorded service runs, too, or which only says "somebody logged in",
        // is not the peer's own: two tenants started from one shell must not become one party.
        if (process.Unit.Length > 0 && !IsLogin(process.Unit) && !_recordedUnits.Contains(process.Unit))
            return Get("unit:" + process.Unit, process.Unit, recorded: false);
        if (process.Cgroup.Length > 1 && !IsLogin(LastSegment(process.Cgroup)) && !_recordedCgroups.Contains(process.Cgroup))
            return Get("cgroup:" + process.Cgroup, LastSegment(process.Cgroup), recorded: false);
        if (process.Exe.Length > 0)
        {
            string uid = process.Uid.ToString(CultureInfo.InvariantCulture);
            return Get($"exe:{uid}:{process.Exe}", $"{LastSegment(process.Exe)}-u{uid}", recorded: false);
        }

        // The boot and the start time, because a pid means nothing without them.
        return Get(
            string.Create(CultureInfo.InvariantCulture, $"pid:{_bootId}:{process.Pid}:{process.StartTimeNs}"),
            string.Create(CultureInfo.InvariantCulture, $"{(process.Comm.Length > 0 ? process.Comm : "pid")}-{process.Pid}"),
            recorded: false);
    }

    /// <summary>True for units that name a login or the host's first scope, not a service.</summary>
    public static bool IsLogin(string unit) =>
        unit == "init.scope"
        || (unit.StartsWith("session-", StringComparison.Ordinal) && unit.EndsWith(".scope", StringComparison.Ordinal))
        || unit.StartsWith("user@", StringComparison.Ordinal)
        || unit.StartsWith("user-", StringComparison.Ordinal);

    private bool BelongsByItself(Selector selector, ProcessRecord process) =>
        selector.Kind is SelectorKind.Unit or SelectorKind.Cgroup or SelectorKind.Uid or SelectorKind.Exe && _matcher.Matches(selector, process);

    private static string LastSegment(string path) => path[(path.LastIndexOf('/') + 1)..];

    private Party Get(string key, string name, bool recorded)
    {
        if (_byKey.TryGetValue(key, out Party? party)) return party;
        party = new Party(_all.Count, key, name, recorded);
        _all.Add(party);
        _byKey.Add(key, party);
        return party;
    }
}
