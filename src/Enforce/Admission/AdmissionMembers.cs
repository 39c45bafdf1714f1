using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Rules;
using VirtualServices.Linux.Bpf;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Admission;

/// <summary>Processes of the services whose requests are admitted, each with a station of its own, and the proof that their connections may be held.</summary>
internal sealed class AdmissionMembers(GateKernel gates, AdmissionKernel kernel, CompiledRules rules, AdmissionSettings settings, AdmissionPace pace, Action<string>? log) : IDisposable
{
    private readonly Dictionary<uint, AdmissionProcess> _processes = [];
    private readonly Dictionary<uint, AdmissionPlace> _places = []; // by process
    private readonly Stack<int> _free = [];
    private readonly HashSet<uint> _elsewhere = [];
    private readonly IReadOnlyList<(uint Id, Service Service)> _services = rules.Admitted();
    private IConnectionHolds? _holds;
    private int _stations;

    /// <summary>Where turns are admitted.</summary>
    public IReadOnlyList<AdmissionPlace> Places { get; private set; } = [];

    /// <summary>Processes whose connections may be held.</summary>
    public IReadOnlyCollection<AdmissionProcess> Processes => _processes.Values;

    /// <summary>Proves for each service that holding is safe, and opens what is there.</summary>
    /// <exception cref="VsException">A service may block in a receive.</exception>
    public void Start(IConnectionHolds holds)
    {
        _holds = holds;
        TaskRecord[] tasks = Look();
        List<string> reasons = [];
        foreach ((uint id, Service service) in _services)
            if (Reason(tasks, id) is { } reason) reasons.Add($"service {service.Name}: requests cannot be admitted one by one: {reason}. Use 'binds: process' or 'thread' where one serves one requester at a time, or see what each uses with 'vs enforce --audit'");
        if (reasons.Count > 0) throw new VsException(ExitCode.BadInput, $"these rules cannot be enforced, nothing was changed:\n  {string.Join("\n  ", reasons)}");
        Apply(tasks);
    }

    /// <summary>The slow half of a look at processes that came: never in the thread that admits.</summary>
    public TaskRecord[] Look() => [.. gates.Run<TaskRecord>("list_tasks").Where(task => task.Tid == task.Pid).DistinctBy(task => task.Pid)];

    /// <summary>The fast half: takes processes in that came, and forgets those that went.</summary>
    public void Apply(TaskRecord[] tasks)
    {
        HashSet<uint> alive = [];
        foreach ((uint service, _) in _services)
            foreach (TaskRecord task in tasks)
            {
                if (task.Service != service) continue;
                alive.Add(task.Pid);
                if (_processes.ContainsKey(task.Pid) || !IsReleasable(task.Pid)) continue;
                if (TryList((int)task.Pid) is { } list) _processes[task.Pid] = new AdmissionProcess((int)task.Pid, PlaceOf(service, task.Pid), list);
            }

        foreach (uint gone in _processes.Keys.Where(pid => !alive.Contains(pid)).ToList())
        {
            _processes.Remove(gone, out AdmissionProcess? process);
            kernel["admission_places"].Delete(gone);
            _places.Remove(gone);
            _free.Push(process!.Place.Index);
            process.Dispose();
        }

        Places = [.. _places.Values];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (AdmissionProcess process in _processes.Values) process.Dispose();
        _processes.Clear();
    }

    private AdmissionPlace PlaceOf(uint service, uint pid)
    {
        if (_places.TryGetValue(pid, out AdmissionPlace? known)) return known;
        int index = _free.TryPop(out int free) ? free : ++_stations;
        if (index >= kernel["admission_stations"].MaxEntries)
            throw new VsException(ExitCode.HostLacks, $"admission follows at most {kernel["admission_stations"].MaxEntries - 1} processes at a time: bind requests at services with fewer");
        kernel["admission_places"].Update(pid, (uint)index);
        return _places[pid] = new AdmissionPlace(index, service, new AdmissionStation(settings, pace, _holds!));
    }

    // The watchdog's iterator sees the connections of its own network namespace only.
    private bool IsReleasable(uint pid)
    {
        if (_elsewhere.Contains(pid)) return false;
        if (WaitEvidence.NamespaceOf((int)pid) is not { } other || other == WaitEvidence.NamespaceOf(Environment.ProcessId)) return true;
        _elsewhere.Add(pid);
        log?.Invoke($"process {pid} is in another network namespace: its requests are not admitted one by one");
        return false;
    }

    private string? Reason(TaskRecord[] tasks, uint service)
    {
        List<int> pids = [.. tasks.Where(task => task.Service == service).Select(task => (int)task.Pid)];
        List<AdmissionRecord> connections = [];
        foreach (int pid in pids)
        {
            using BpfLink? list = TryList(pid);
            if (list is not null) connections.AddRange(AdmissionKernel.Read(list));
        }

        return pids.Find(pid => !IsReleasable((uint)pid)) is int elsewhere and > 0
            ? $"process {elsewhere} is in another network namespace, where nobody could let go what a dead enforcer holds"
            : WaitEvidence.Missing(pids, connections);
    }

    private BpfLink? TryList(int pid)
    {
        try
        {
            return kernel.ListOf(pid);
        }
        catch (BpfException error) when (error.Errno == 3)
        {
            return null; // it ended
        }
    }
}
