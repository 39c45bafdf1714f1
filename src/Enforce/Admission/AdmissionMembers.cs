using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Rules;
using VirtualServices.Linux.Bpf;
using VirtualServices.Linux.Sockets;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Enforce.Admission;

/// <summary>
/// Which processes' connections may be held, and where they are accepted: the service's own where it waits in epoll, poll or select; else the client
/// connections of the tenants' front ends, one hop earlier.
/// </summary>
internal sealed class AdmissionMembers(GateKernel gates, AdmissionKernel kernel, CompiledRules rules, AdmissionSettings settings) : IDisposable
{
    private const string EventLoop = "event-loop";
    private readonly Dictionary<uint, AdmissionProcess> _processes = [];
    private readonly Dictionary<uint, AdmissionPlace> _places = []; // by process, or by service | InFront
    private readonly HashSet<uint> _inFront = [];
    private IConnectionHolds? _holds;
    private int _stations;

    /// <summary>Where turns are admitted.</summary>
    public IReadOnlyList<AdmissionPlace> Places { get; private set; } = [];

    /// <summary>Processes whose connections may be held.</summary>
    public IReadOnlyCollection<AdmissionProcess> Processes => _processes.Values;

    /// <summary>Decides for each service where its requests are held, and opens what is there.</summary>
    /// <exception cref="VsException">A service may block in a receive and its front ends, too.</exception>
    public void Start(IConnectionHolds holds, Action<string>? log)
    {
        _holds = holds;
        TaskRecord[] tasks = Leaders();
        foreach (AdmittedService service in rules.Admission.Services)
        {
            WriteDoors(tasks, service);
            if (service.Patterns.Contains(EventLoop) || Reason(tasks, task => task.Service == service.Id) is not { } reason)
            {
                log?.Invoke($"{service.Service.Name}: requests are admitted at the service");
                continue;
            }

            if (_inFront.Count > 0) throw new VsException(ExitCode.BadInput, $"service {service.Service.Name}: {reason}, and another service is admitted at the front ends already: this version admits there for one service only; remove its gates that bind requests");
            _inFront.Add(service.Id);
            WriteDoors(tasks, service);
            RequireFrontEnds(tasks, service, reason);
            log?.Invoke($"{service.Service.Name}: {reason}; requests are admitted at the front ends");
        }

        Apply(Look());
    }

    /// <summary>The slow half of a look at processes and listeners that came: takes up to a second on a busy host, so never in the thread that admits.</summary>
    public TaskRecord[] Look()
    {
        TaskRecord[] tasks = Leaders();
        foreach (AdmittedService service in rules.Admission.Services) WriteDoors(tasks, service);
        return tasks;
    }

    /// <summary>The fast half: takes processes in that came, and forgets those that went.</summary>
    public void Apply(TaskRecord[] tasks)
    {
        HashSet<uint> alive = [];
        foreach (AdmittedService service in rules.Admission.Services)
        {
            bool front = _inFront.Contains(service.Id);
            foreach (TaskRecord task in tasks)
            {
                if (task.Service == service.Id && front) PlaceOfBackEnd(service, task.Pid);
                if (!(front ? IsFrontEnd(task) : task.Service == service.Id)) continue;
                alive.Add(task.Pid);
                if (_processes.ContainsKey(task.Pid)) continue;
                AdmissionPlace place = front ? PlaceInFront(service) : PlaceOf(service, task.Pid, task.Pid, false);
                if (TryList((int)task.Pid) is { } list) _processes[task.Pid] = new AdmissionProcess((int)task.Pid, place, list);
            }
        }

        foreach (uint gone in _processes.Keys.Where(pid => !alive.Contains(pid)).ToList())
        {
            _processes.Remove(gone, out AdmissionProcess? process);
            process!.Dispose();
            if (process.Place.IsFront) continue;
            kernel["admission_places"].Delete(gone);
            _places.Remove(gone);
        }

        Places = [.. _places.Values.Distinct()];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (AdmissionProcess process in _processes.Values) process.Dispose();
        _processes.Clear();
    }

    private AdmissionPlace PlaceOf(AdmittedService service, uint key, uint kernelKey, bool front)
    {
        if (_places.TryGetValue(key, out AdmissionPlace? known)) return known;
        int index = NextStation();
        kernel["admission_places"].Update(kernelKey, (uint)index);
        return _places[key] = new AdmissionPlace(index, index, service.Id, front, new AdmissionStation(settings, _holds!, !front));
    }

    // The front ends' station, with the back end's idle times: all its processes share one entry.
    private AdmissionPlace PlaceInFront(AdmittedService service)
    {
        uint key = service.Id | AdmissionCells.InFront;
        if (_places.TryGetValue(key, out AdmissionPlace? known)) return known;
        int index = NextStation(), idle = NextStation();
        kernel["admission_places"].Update(key, (uint)index);
        return _places[key] = new AdmissionPlace(index, idle, service.Id, true, new AdmissionStation(settings, _holds!, false));
    }

    private void PlaceOfBackEnd(AdmittedService service, uint pid) => kernel["admission_places"].Update(pid, (uint)PlaceInFront(service).Idle);

    private int NextStation()
    {
        if (++_stations >= kernel["admission_stations"].MaxEntries)
            throw new VsException(ExitCode.HostLacks, $"admission knows at most {kernel["admission_stations"].MaxEntries - 1} processes over the life of an enforcer: restart 'vs enforce'");
        return _stations;
    }

    private void WriteDoors(TaskRecord[] tasks, AdmittedService service)
    {
        bool front = _inFront.Contains(service.Id);
        Dictionary<DoorKey, Door> doors = [];
        foreach ((TaskRecord task, SocketDescription listener) in Listeners(tasks))
        {
            if (task.Service == service.Id && (service.Listen is null || service.Listen.Matches(TransportProtocol.Tcp, listener.Local)))
                doors[KeyOf(listener)] = new Door(service.Id, 0, front ? 0u : 1, 0);
            else if (front && IsFrontEnd(task))
                doors[KeyOf(listener)] = new Door(service.Id | AdmissionCells.InFront, task.VirtualService, 1, 0);
        }

        foreach ((DoorKey key, Door door) in doors) kernel["admission_doors"].Update(key, door);
    }

    private static IEnumerable<(TaskRecord Task, SocketDescription Listener)> Listeners(TaskRecord[] tasks)
    {
        SocketTable sockets = SocketTable.Dump();
        Dictionary<int, TaskRecord> byPid = tasks.ToDictionary(task => (int)task.Pid);
        foreach ((ulong inode, List<SocketHolder> holders) in SocketHolders.Find(byPid.Keys))
            if (sockets.FindByInode(inode) is { Protocol: TransportProtocol.Tcp, Role: SocketRole.Listener } listener)
                foreach (SocketHolder holder in holders) yield return (byPid[holder.Pid], listener);
    }

    private static DoorKey KeyOf(SocketDescription listener)
    {
        DoorKey key = new() { Port = (uint)listener.Local.Port, NetworkNamespace = listener.NetworkNamespace };
        if (listener.Local.Address is { } address && !address.Equals(System.Net.IPAddress.Any) && !address.Equals(System.Net.IPAddress.IPv6Any))
            address.MapToIPv6().GetAddressBytes().CopyTo((Span<byte>)key.Address);
        return key;
    }

    private void RequireFrontEnds(TaskRecord[] tasks, AdmittedService service, string reason)
    {
        List<string> reasons = [];
        int found = 0;
        foreach ((uint id, VirtualService vs) in rules.VirtualServices)
        {
            if (!tasks.Any(task => IsFrontEnd(task) && task.VirtualService == id)) continue;
            found++;
            if (Reason(tasks, task => IsFrontEnd(task) && task.VirtualService == id) is { } missing) reasons.Add($"front end of {vs.Name}: {missing}");
        }

        if (found == 0) reasons.Add("no front end of a virtual service runs");
        if (reasons.Count > 0)
            throw new VsException(ExitCode.BadInput, $"service {service.Service.Name}: requests cannot be admitted there, because {reason}, nor one hop earlier: {string.Join("; ", reasons)}. Use 'binds: process' where a process serves one requester at a time, or start front ends that wait in epoll");
    }

    private string? Reason(TaskRecord[] tasks, Func<TaskRecord, bool> which)
    {
        List<int> pids = [.. tasks.Where(which).Select(task => (int)task.Pid)];
        List<AdmissionRecord> connections = [];
        foreach (int pid in pids)
        {
            using BpfLink? list = TryList(pid);
            if (list is not null) connections.AddRange(AdmissionKernel.Read(list));
        }

        return WaitEvidence.Missing(pids, connections);
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

    private static bool IsFrontEnd(TaskRecord task) => task.Service == 0 && task.VirtualService > IdTable.BestEffort;

    private TaskRecord[] Leaders() => [.. gates.Run<TaskRecord>("list_tasks").Where(task => task.Tid == task.Pid).DistinctBy(task => task.Pid)];
}
