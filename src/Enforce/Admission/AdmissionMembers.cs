using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Rules;
using VirtualServices.Linux.Bpf;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Admission;

/// <summary>A look at the processes of the services whose requests are admitted.</summary>
/// <param name="Tasks">All processes that the gates know.</param>
/// <param name="Refused">Those whose connections must not be held.</param>
internal sealed record AdmissionLook(TaskRecord[] Tasks, IReadOnlySet<uint> Refused);

/// <summary>Processes of the services whose requests are admitted, each with a station of its own, and the proof that their connections may be held.</summary>
internal sealed class AdmissionMembers(GateKernel gates, AdmissionKernel kernel, CompiledRules rules, AdmissionSettings settings, AdmissionPace pace, Action<string>? log) : IDisposable
{
    private readonly Dictionary<uint, AdmissionProcess> _processes = [];
    private readonly BpfMap _kernelPlaces = kernel["admission_places"], _kernelStations = kernel["admission_stations"];
    private readonly Stack<int> _free = [];
    private readonly IReadOnlyList<(uint Id, Service Service)> _services = rules.Admitted();
    private IConnectionHolds? _holds;
    private int _stations;

    // Those that were looked at: when they started, and whether they may be held. Used by the thread that looks only.
    private Dictionary<uint, (ulong Started, bool Refused)> _examined = [];

    /// <summary>Where turns are admitted.</summary>
    public IReadOnlyList<AdmissionPlace> Places { get; private set; } = [];

    /// <summary>Processes whose connections may be held.</summary>
    public IReadOnlyCollection<AdmissionProcess> Processes => _processes.Values;

    /// <summary>Proves for each service that holding is safe, and opens what is there.</summary>
    /// <exception cref="VsException">A service may block in a receive.</exception>
    public void Start(IConnectionHolds holds)
    {
        _holds = holds;
        List<string> reasons = [];
        AdmissionLook look = Look((service, reason) => reasons.Add($"service {service}: requests cannot be admitted one by one: {reason}. Use 'binds: process' or 'thread' where one serves one requester at a time, or see what each uses with 'vs enforce --audit'"));
        if (reasons.Count > 0) throw new VsException(ExitCode.BadInput, $"these rules cannot be enforced:\n  {string.Join("\n  ", reasons)}");
        Apply(look);
    }

    /// <summary>The slow half of a look at processes that came: never in the thread that admits.</summary>
    public AdmissionLook Look() => Look((service, reason) => log?.Invoke($"service {service}: requests of a process that came later are not admitted one by one: {reason}"));

    /// <summary>The fast half: takes processes in that came, and forgets those that went.</summary>
    public void Apply(AdmissionLook look)
    {
        Dictionary<uint, ulong> alive = [];
        foreach ((uint service, _) in _services)
            foreach (TaskRecord task in look.Tasks)
            {
                if (task.Service != service || look.Refused.Contains(task.Pid)) continue;
                alive[task.Pid] = task.Started;
                if (_processes.TryGetValue(task.Pid, out AdmissionProcess? known) && known.Started != task.Started) Remove(task.Pid);
                if (!_processes.ContainsKey(task.Pid)) Add(service, task);
            }

        foreach (uint gone in _processes.Keys.Where(pid => !alive.ContainsKey(pid)).ToList()) Remove(gone);
        Places = [.. _processes.Values.Select(process => process.Place)];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (AdmissionProcess process in _processes.Values) process.Dispose();
        _processes.Clear();
    }

    private void Add(uint service, in TaskRecord task)
    {
        if (_free.Count == 0 && _stations + 1 >= _kernelStations.MaxEntries) return; // Look has said so
        if (TryList((int)task.Pid) is not { } list) return;
        int index = _free.TryPop(out int free) ? free : ++_stations;
        _kernelStations.Update((uint)index, default(Station)); // of a process that is gone
        _kernelPlaces.Update(task.Pid, (uint)index);
        _processes[task.Pid] = new AdmissionProcess((int)task.Pid, task.Started, new AdmissionPlace(index, service, new AdmissionStation(settings, pace, _holds!)), list);
    }

    private void Remove(uint pid)
    {
        _processes.Remove(pid, out AdmissionProcess? process);
        _kernelPlaces.Delete(pid);
        _free.Push(process!.Place.Index);
        process.Dispose();
    }

    private AdmissionLook Look(Action<string, string> refuse)
    {
        TaskRecord[] tasks = [.. gates.Run<TaskRecord>("list_tasks").Where(task => task.Tid == task.Pid).DistinctBy(task => task.Pid)];
        Dictionary<uint, (ulong Started, bool Refused)> examined = [];
        foreach ((uint id, Service service) in _services)
            foreach (TaskRecord task in tasks.Where(task => task.Service == id))
            {
                if (_examined.TryGetValue(task.Pid, out (ulong Started, bool Refused) before) && before.Started == task.Started)
                {
                    examined[task.Pid] = before;
                    continue;
                }

                string? reason = examined.Count + 1 >= _kernelStations.MaxEntries ? $"admission follows at most {_kernelStations.MaxEntries - 1} processes" : Reason((int)task.Pid);
                if (reason is not null) refuse(service.Name, reason);
                examined[task.Pid] = (task.Started, reason is not null);
            }

        _examined = examined;
        return new AdmissionLook(tasks, examined.Where(one => one.Value.Refused).Select(one => one.Key).ToHashSet());
    }

    // The watchdog's iterator sees the connections of its own network namespace only.
    private string? Reason(int pid)
    {
        if (WaitEvidence.NamespaceOf(pid) is { } other && other != WaitEvidence.NamespaceOf(Environment.ProcessId))
            return $"process {pid} is in another network namespace, where nobody could let go what a dead enforcer holds";
        using BpfLink? list = TryList(pid);
        return list is null ? null : WaitEvidence.Missing(pid, () => AdmissionKernel.Read(list));
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
