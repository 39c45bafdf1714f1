using System.Text;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Linux.Bpf;

namespace VirtualServices.Enforce;

/// <summary>Adds up what was read from the kernel: closed accounts, and what live tasks have not been charged for yet.</summary>
internal sealed class StatusSums
{
    private readonly Dictionary<(uint Vs, uint Service), (ulong Cpu, int Processes, int Connections)> _use = [];
    private readonly List<TaskRecord> _leaders;
    private readonly Dictionary<uint, ulong> _totals = [];
    private readonly Dictionary<(ulong Started, uint Pid), Dictionary<uint, ulong>> _charged = [];
    private readonly Dictionary<(ulong Started, uint Pid), uint> _services = [];

    public StatusSums(
        IReadOnlyList<TaskRecord> tasks,
        IReadOnlyList<(AccountKey Key, ulong CpuNs)> accounts,
        IReadOnlyList<(ProcessKey Key, ProcessAccount Account)> processes,
        IReadOnlyList<ConnectionRecord> connections)
    {
        _leaders = [.. tasks.Where(task => task.Tid == task.Pid)];
        foreach ((AccountKey key, ulong cpu) in accounts) Add(key.VirtualService, key.Service, cpu, 0, 0);
        foreach (TaskRecord task in tasks)
        {
            Add(task.VirtualService, task.Service, task.CpuOpenNs, task.Tid == task.Pid ? 1 : 0, 0);
            _totals[task.Pid] = _totals.GetValueOrDefault(task.Pid) + task.CpuTotalNs;
            Charge(task.Started, task.Pid, task.VirtualService, task.Service, task.CpuOpenNs);
        }

        foreach (ConnectionRecord connection in connections) Add(connection.VirtualService, connection.Service, 0, 0, 1);
        foreach ((ProcessKey key, ProcessAccount account) in processes) Charge(key.Started, key.Pid, key.VirtualService, account.Service, account.CpuNs);
    }

    /// <summary>Sums of the virtual services that are alive, and of those that still own something.</summary>
    public IReadOnlyList<VirtualServiceUse> PerVirtualService(IdTable ids, uint generation, BpfMap alive) =>
        PerVirtualService(ids, id => alive.TryLookup(id, out Alive generations) && (generation % 2 == 0 ? generations.Even : generations.Odd) == generation);

    /// <summary>The same with the question who is alive answered by the caller.</summary>
    public IReadOnlyList<VirtualServiceUse> PerVirtualService(IdTable ids, Func<uint, bool> alive)
    {
        List<VirtualServiceUse> all = [];
        foreach ((uint id, string name) in ids.All(IdKind.VirtualService))
        {
            var own = _use.Where(use => use.Key.Vs == id).ToList();
            if (own.Count == 0 && !alive(id)) continue;
            all.Add(new VirtualServiceUse(name, own.Sum(use => (long)use.Value.Cpu), own.Sum(use => use.Value.Processes), own.Sum(use => use.Value.Connections)));
        }

        return all;
    }

    /// <summary>Sums by virtual service and service.</summary>
    public IReadOnlyList<ServiceUse> PerService(IdTable ids) =>
    [
        .. _use.OrderBy(use => use.Key).Select(use => new ServiceUse(
            ids.Name(IdKind.VirtualService, use.Key.Vs) ?? "",
            ids.Name(IdKind.Service, use.Key.Service) ?? "",
            (long)use.Value.Cpu,
            use.Value.Processes,
            use.Value.Connections)),
    ];

    /// <summary>Processes that live.</summary>
    public IReadOnlyList<ProcessUse> Live(IdTable ids) =>
    [
        .. _leaders.OrderBy(task => task.Pid).Select(task => new ProcessUse(
            (int)task.Pid,
            CommOf(task),
            ids.Name(IdKind.Service, task.Service) ?? "",
            ids.Name(IdKind.VirtualService, task.VirtualService) ?? "",
            ids.Name(IdKind.Gate, task.Gate) ?? "",
            (long)_totals[task.Pid],
            ChargesOf((task.Started, task.Pid), ids))),
    ];

    /// <summary>Processes that ended.</summary>
    public IReadOnlyList<ProcessCharge> Ended(IdTable ids)
    {
        HashSet<(ulong, uint)> live = [.. _leaders.Select(task => (task.Started, task.Pid))];
        return [.. _charged.Keys.Where(key => !live.Contains(key)).OrderBy(key => key.Started).SelectMany(key => ChargesOf(key, ids))];
    }

    private List<ProcessCharge> ChargesOf((ulong Started, uint Pid) process, IdTable ids) =>
        !_charged.TryGetValue(process, out Dictionary<uint, ulong>? charges)
            ? []
            : [.. charges.OrderBy(charge => charge.Key).Select(charge => new ProcessCharge(
                (int)process.Pid,
                ids.Name(IdKind.Service, _services[process]) ?? "",
                ids.Name(IdKind.VirtualService, charge.Key) ?? "",
                (long)charge.Value))];

    private void Add(uint vs, uint service, ulong cpu, int processes, int connections)
    {
        (ulong Cpu, int Processes, int Connections) sum = _use.GetValueOrDefault((vs, service));
        _use[(vs, service)] = (sum.Cpu + cpu, sum.Processes + processes, sum.Connections + connections);
    }

    private void Charge(ulong started, uint pid, uint vs, uint service, ulong cpu)
    {
        if (!_charged.TryGetValue((started, pid), out Dictionary<uint, ulong>? charges)) _charged[(started, pid)] = charges = [];
        charges[vs] = charges.GetValueOrDefault(vs) + cpu;
        _services[(started, pid)] = service;
    }

    private static string CommOf(in TaskRecord task)
    {
        ReadOnlySpan<byte> comm = task.Comm;
        int end = comm.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? comm : comm[..end]);
    }
}
