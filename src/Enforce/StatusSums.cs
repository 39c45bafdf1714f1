using System.Text;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Model;

namespace VirtualServices.Enforce;

/// <summary>Adds up what was read from the kernel: closed accounts, and what live tasks have not been charged for yet.</summary>
internal sealed class StatusSums
{
    private readonly Dictionary<(uint Vs, uint Service), UseCounts> _use = [];
    private readonly List<TaskRecord> _leaders;
    private readonly Dictionary<uint, ulong> _totals = [];
    private readonly Dictionary<uint, ulong> _hits = [];
    private readonly Dictionary<(ulong Started, uint Pid), Dictionary<uint, ulong>> _charged = [];
    private readonly Dictionary<(ulong Started, uint Pid), uint> _services = [];

    public StatusSums(
        long takenNs,
        IReadOnlyList<TaskRecord> tasks,
        IReadOnlyList<(AccountKey Key, Account Account)> accounts,
        IReadOnlyList<(ProcessKey Key, ProcessAccount Account)> processes,
        IReadOnlyList<ConnectionRecord> connections)
    {
        TakenNs = takenNs;
        _leaders = [.. tasks.Where(task => task.Tid == task.Pid)];
        foreach ((AccountKey key, Account account) in accounts)
            Add(key.VirtualService, key.Service, new UseCounts((long)account.CpuNs, 0, 0, (long)account.WaitNs, (long)account.Requests, (long)account.UnknownRequests, (long)account.Rebinds));
        foreach (TaskRecord task in tasks)
        {
            Add(task.VirtualService, task.Service, new UseCounts((long)task.CpuOpenNs, task.Tid == task.Pid ? 1 : 0, 0, (long)task.WaitOpenNs, task.RequestsOpen));
            _hits[task.Gate] = _hits.GetValueOrDefault(task.Gate) + task.HitsOpen;
            _totals[task.Pid] = _totals.GetValueOrDefault(task.Pid) + task.CpuTotalNs;
            Charge(task.Started, task.Pid, task.VirtualService, task.Service, task.CpuOpenNs);
        }

        foreach (ConnectionRecord connection in connections) Add(connection.VirtualService, connection.Service, new UseCounts(0, 0, 1));
        foreach ((ProcessKey key, ProcessAccount account) in processes) Charge(key.Started, key.Pid, key.VirtualService, account.Service, account.CpuNs);
    }

    /// <summary>When it was read: CLOCK_MONOTONIC, ns.</summary>
    public long TakenNs { get; }

    /// <summary>Sums of the virtual services that the rules have, and of those that still own something; parents inherit the sums of their children.</summary>
    /// <param name="ids">Names.</param>
    /// <param name="shares">What the rules give to those that are alive.</param>
    public IReadOnlyList<VirtualServiceUse> PerVirtualService(IdTable ids, IReadOnlyDictionary<uint, ShareRecord> shares)
    {
        Dictionary<uint, UseCounts> own = [], total = [];
        foreach (((uint vs, _), UseCounts counts) in _use)
        {
            own[vs] = own.GetValueOrDefault(vs) + counts;

            // The compiler refuses circles; records of two generations, read while they are swapped, might form one.
            uint at = vs;
            for (int depth = 0; at != IdTable.None && depth <= shares.Count; depth++)
            {
                total[at] = total.GetValueOrDefault(at) + counts;
                at = shares.TryGetValue(at, out ShareRecord share) ? share.Parent : IdTable.None;
            }
        }

        return
        [
            .. ids.All(IdKind.VirtualService).Where(vs => own.ContainsKey(vs.Id) || shares.ContainsKey(vs.Id)).Select(vs =>
            {
                bool alive = shares.TryGetValue(vs.Id, out ShareRecord share);
                return new VirtualServiceUse(vs.Name, ids.Name(IdKind.VirtualService, share.Parent) ?? "", own.GetValueOrDefault(vs.Id), total.GetValueOrDefault(vs.Id), alive ? ShareOf(share) : null);
            }),
        ];
    }

    /// <summary>Sums by virtual service and service.</summary>
    public IReadOnlyList<ServiceUse> PerService(IdTable ids) =>
    [
        .. _use.OrderBy(use => use.Key).Select(use => new ServiceUse(ids.Name(IdKind.VirtualService, use.Key.Vs) ?? "", ids.Name(IdKind.Service, use.Key.Service) ?? "", use.Value)),
    ];

    /// <summary>Hits of a gate that live tasks have counted and nobody else yet.</summary>
    public ulong OpenHits(uint gate) => _hits.GetValueOrDefault(gate);

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
            ChargesOf((task.Started, task.Pid), ids),
            task.Membership)),
    ];

    /// <summary>Processes that ended.</summary>
    public IReadOnlyList<ProcessCharge> Ended(IdTable ids)
    {
        HashSet<(ulong, uint)> live = [.. _leaders.Select(task => (task.Started, task.Pid))];
        return [.. _charged.Keys.Where(key => !live.Contains(key)).OrderBy(key => key.Started).SelectMany(key => ChargesOf(key, ids))];
    }

    /// <summary>Name of a task as the kernel has it.</summary>
    internal static string CommOf(in TaskRecord task)
    {
        ReadOnlySpan<byte> comm = task.Comm;
        int end = comm.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? comm : comm[..end]);
    }

    private static VirtualServiceShare ShareOf(in ShareRecord share) => new(
        new CpuShare((int)share.CpuWeight, share.CpuMaxMilli == 0 ? null : share.CpuMaxMilli / 1000.0),
        new NetworkShare((int)share.NetworkWeight, share.NetworkAssured == 0 ? null : (long)share.NetworkAssured, share.NetworkMax == 0 ? null : (long)share.NetworkMax),
        share.Processes == 0 ? null : (int)share.Processes,
        share.Sockets == 0 ? null : (int)share.Sockets);

    private List<ProcessCharge> ChargesOf((ulong Started, uint Pid) process, IdTable ids) =>
        !_charged.TryGetValue(process, out Dictionary<uint, ulong>? charges)
            ? []
            : [.. charges.OrderBy(charge => charge.Key).Select(charge => new ProcessCharge(
                (int)process.Pid,
                ids.Name(IdKind.Service, _services[process]) ?? "",
                ids.Name(IdKind.VirtualService, charge.Key) ?? "",
                (long)charge.Value))];

    private void Add(uint vs, uint service, UseCounts counts) => _use[(vs, service)] = _use.GetValueOrDefault((vs, service)) + counts;

    private void Charge(ulong started, uint pid, uint vs, uint service, ulong cpu)
    {
        if (!_charged.TryGetValue((started, pid), out Dictionary<uint, ulong>? charges)) _charged[(started, pid)] = charges = [];
        charges[vs] = charges.GetValueOrDefault(vs) + cpu;
        _services[(started, pid)] = service;
    }
}
