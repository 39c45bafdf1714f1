using System.Collections.Concurrent;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Rules;
using VirtualServices.Linux.Bpf;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Admission;

/// <summary>A look at the processes of the services whose requests are admitted, and at front doors.</summary>
/// <param name="Tasks">All processes that the gates know.</param>
/// <param name="Refused">Those that admission leaves alone.</param>
/// <param name="AtDoors">Services whose own connections must not be held: those of front doors are.</param>
/// <param name="Doors">Front doors where connections may be held, by pid.</param>
internal sealed record AdmissionLook(TaskRecord[] Tasks, IReadOnlySet<uint> Refused, IReadOnlySet<uint> AtDoors, IReadOnlyDictionary<uint, FrontDoor> Doors);

/// <summary>Processes of the services whose requests are admitted, where their turns are, and the proof that connections may be held: their own, or those of front doors.</summary>
internal sealed class AdmissionMembers(GateKernel gates, AdmissionKernel kernel, CompiledRules rules, AdmissionSettings settings, AdmissionPace pace, Action<string>? log) : IDisposable
{
    private readonly Dictionary<uint, AdmissionProcess> _processes = [];
    private readonly Dictionary<uint, AdmissionPlace> _placesAtDoors = [];
    private readonly FrontDoors _frontDoors = new(kernel);
    private readonly BpfMap _kernelPlaces = kernel["admission_places"], _kernelStations = kernel["admission_stations"];
    private readonly Stack<int> _free = [];
    private readonly IReadOnlyList<(uint Id, Service Service)> _services = rules.Admitted();
    private readonly ConcurrentDictionary<uint, uint> _seenBlocking = [];
    private IConnectionHolds? _holds;
    private int _stations;

    // Used by the thread that looks only: those that were looked at, when they started and why they must not be held; and services that are held at front doors, for good.
    private Dictionary<uint, (ulong Started, string? Reason)> _examined = [];
    private readonly HashSet<uint> _atDoors = [], _refused = [];

    /// <summary>Where turns are admitted.</summary>
    public IReadOnlyList<AdmissionPlace> Places { get; private set; } = [];

    /// <summary>Processes whose connections may be held.</summary>
    public IReadOnlyList<AdmissionProcess> Processes { get; private set; } = [];

    /// <summary>Proves for each service that holding is safe, there or at front doors, and opens what is there.</summary>
    /// <exception cref="VsException">A service may block in a receive, and so may its front doors.</exception>
    public void Start(IConnectionHolds holds)
    {
        _holds = holds;
        List<string> reasons = [];
        AdmissionLook look = Look(starts: true, (subject, reason) => reasons.Add($"{subject}: requests cannot be admitted one by one: {reason}. Use 'binds: process' or 'thread' where one serves one requester at a time, or see what each uses with 'vs enforce --audit'"));
        if (reasons.Count > 0) throw new VsException(ExitCode.BadInput, $"these rules cannot be enforced:\n  {string.Join("\n  ", reasons)}");
        Apply(look);
    }

    /// <summary>The slow half of a look at processes that came: never in the thread that admits.</summary>
    public AdmissionLook Look() => Look(starts: false, (subject, reason) => log?.Invoke($"{subject}: requests of a process that came later are not admitted one by one: {reason}"));

    /// <summary>A receive that may wait was seen at a service: the next look examines its processes anew.</summary>
    public void Blocks(uint service) => _seenBlocking.TryAdd(service, service);

    /// <summary>The fast half: takes processes in that came, and forgets those that went.</summary>
    public void Apply(AdmissionLook look)
    {
        Dictionary<uint, (ulong Started, uint Service, bool Serves)> wanted = [];
        foreach ((uint service, _) in _services)
            foreach (TaskRecord task in look.Tasks)
                if (task.Service == service && !look.Refused.Contains(task.Pid)) wanted[task.Pid] = (task.Started, service, true);
        foreach ((uint pid, FrontDoor door) in look.Doors) wanted.TryAdd(pid, (door.Started, door.Service, false));

        foreach ((uint pid, AdmissionProcess known) in _processes.ToList())
            if (!wanted.TryGetValue(pid, out (ulong Started, uint Service, bool Serves) now) || now.Started != known.Started || (known.Index != 0) != now.Serves || known.Place.Service != now.Service) Remove(pid);
            else if (now.Serves && known.Place.AtDoors != look.AtDoors.Contains(now.Service)) TakeToDoors(pid, known);
        foreach ((uint pid, (ulong started, uint service, bool serves)) in wanted)
            if (!_processes.ContainsKey(pid)) Add(pid, started, service, serves, look.AtDoors.Contains(service));

        Places = [.. _processes.Values.Select(process => process.Place).Distinct()];
        Processes = [.. _processes.Values.Where(process => process.List is not null)];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (AdmissionProcess process in _processes.Values) process.Dispose();
        _processes.Clear();
    }

    private void Add(uint pid, ulong started, uint service, bool serves, bool atDoors)
    {
        if (serves && _free.Count == 0 && _stations + 1 >= _kernelStations.MaxEntries) return; // Look has said so
        BpfLink? list = serves && atDoors ? null : kernel.TryListOf((int)pid);
        if (list is null && !(serves && atDoors)) return; // it ended
        AdmissionPlace place = PlaceOf(service, atDoors);
        int index = 0;
        if (serves)
        {
            index = _free.TryPop(out int free) ? free : ++_stations;
            _kernelStations.Update((uint)index, new Station { Blocks = atDoors ? 1u : 0 }); // in place of a process that is gone
            _kernelPlaces.Update(pid, (uint)index);
            place.Add(index, 0);
        }

        _processes[pid] = new AdmissionProcess((int)pid, started, place, index, list);
    }

    // Its threads know their station, which may have turns in hand: it stays. What was held of the process itself is let go when the next look at connections does not find it.
    private void TakeToDoors(uint pid, AdmissionProcess process)
    {
        AdmissionPlace place = PlaceOf(process.Place.Service, atDoors: true);
        process.Place.Remove(process.Index);
        place.Add(process.Index, _kernelStations.TryLookup((uint)process.Index, out Station station) ? (long)station.IdleNs : 0);
        _processes[pid] = new AdmissionProcess((int)pid, process.Started, place, process.Index, null);
        process.Dispose();
    }

    // At its front doors a service has one place for all of its processes: nobody knows which of them a request will meet.
    private AdmissionPlace PlaceOf(uint service, bool atDoors)
    {
        if (atDoors && _placesAtDoors.TryGetValue(service, out AdmissionPlace? known)) return known;
        AdmissionPlace place = new(service, atDoors, new AdmissionStation(atDoors ? settings with { MostIdle = settings.MostIdleAtDoors, MostHeldNs = settings.MostHeldAtDoorsNs } : settings, pace, _holds!));
        if (atDoors) _placesAtDoors[service] = place;
        return place;
    }

    private void Remove(uint pid)
    {
        _processes.Remove(pid, out AdmissionProcess? process);
        if (process!.Index != 0)
        {
            _kernelPlaces.Delete(pid);
            process.Place.Remove(process.Index);
            _free.Push(process.Index);
        }

        process.Dispose();
    }

    private AdmissionLook Look(bool starts, Action<string, string> refuse)
    {
        TaskRecord[] tasks = [.. gates.Run<TaskRecord>("list_tasks").Where(task => task.Tid == task.Pid).DistinctBy(task => task.Pid)];
        Dictionary<uint, (ulong Started, string? Reason)> examined = [];
        HashSet<uint> refused = [];
        Dictionary<uint, FrontDoor> doors = [];
        foreach ((uint id, Service service) in _services)
        {
            string? blocks = null;
            bool anew = _seenBlocking.TryRemove(id, out _);
            foreach (TaskRecord task in tasks.Where(task => task.Service == id))
            {
                bool known = _examined.TryGetValue(task.Pid, out (ulong Started, string? Reason) before) && before.Started == task.Started && !anew;
                string? reason = known ? before.Reason
                    : examined.Count + 1 >= _kernelStations.MaxEntries ? $"admission follows at most {_kernelStations.MaxEntries - 1} processes"
                    : _atDoors.Contains(id) ? Elsewhere((int)task.Pid) : Elsewhere((int)task.Pid) ?? Waits((int)task.Pid, ref blocks);
                if (reason is not null) refused.Add(task.Pid);
                if (!known && reason is not null) refuse($"service {service.Name}", reason);
                examined[task.Pid] = (task.Started, reason);
            }

            if (blocks is not null && !_refused.Contains(id) && _atDoors.Add(id)) HoldAtDoors(id, service, blocks, starts, tasks, doors, refuse);
            else if (_atDoors.Contains(id)) _frontDoors.Look(id, tasks, doors, reason => refuse($"service {service.Name}", reason), Say);
        }

        _examined = examined;
        return new AdmissionLook(tasks, refused, _atDoors.ToHashSet(), doors);
    }

    // The service itself must not be held.
    private void HoldAtDoors(uint id, Service service, string blocks, bool starts, TaskRecord[] tasks, Dictionary<uint, FrontDoor> doors, Action<string, string> refuse)
    {
        if (_atDoors.Count > 1)
        {
            _atDoors.Remove(id);
            _refused.Add(id);
            refuse($"service {service.Name}", $"{blocks}; at front doors connections are held for one service only, and another one needs it");
            return;
        }

        int before = doors.Count;
        List<string> reasons = [];
        bool any = _frontDoors.Look(id, tasks, doors, reasons.Add, Say);
        if (reasons.Count == 0 && any && doors.Count == before) reasons.Add("no process of a front door accepts connections over TCP");
        if (reasons.Count > 0) refuse($"service {service.Name}", $"{blocks}; and at its front doors: {string.Join("; ", reasons)}");
        else if (!any) log?.Invoke($"service {service.Name}: {blocks}; no process of a front door is there yet whose connections could be held instead");
        else if (!starts) log?.Invoke($"service {service.Name}: {blocks}: connections of front doors are held instead");
    }

    private void Say(string reason) => log?.Invoke($"admission at front doors: {reason}");

    private string? Waits(int pid, ref string? blocks)
    {
        using BpfLink? list = kernel.TryListOf(pid);
        if (list is not null) blocks ??= WaitEvidence.Missing(pid, () => AdmissionKernel.Read(list), out _);
        return null;
    }

    // The watchdog's iterator sees the connections of its own network namespace only.
    private static string? Elsewhere(int pid) => WaitEvidence.NamespaceOf(pid) is { } other && other != WaitEvidence.NamespaceOf(Environment.ProcessId)
        ? $"process {pid} is in another network namespace, where nobody could let go what a dead enforcer holds" : null;
}
