using System.Diagnostics;
using System.Globalization;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Moving;
using VirtualServices.Enforce.Network;
using VirtualServices.Linux.Bpf;
using VirtualServices.Model;

namespace VirtualServices.Enforce;

/// <summary>Reads what is enforced from the kernel: works from any process, with the enforcer running or dead.</summary>
public static class StatusReader
{
    private const uint RoleServer = 3;

    /// <summary>Reads.</summary>
    /// <returns><see cref="EnforcementStatus.Nothing"/> where nothing is enforced.</returns>
    /// <exception cref="VsException">No permission, or the pins are broken.</exception>
    public static EnforcementStatus Read()
    {
        HostAccess.RequireRoot("read the status");
        if (!Pins.Default.Exist) return EnforcementStatus.Nothing;
        if (!File.Exists(Pins.Default.Link("on_receive")) && EnforcerLock.IsHeld()) return EnforcementStatus.Nothing with { Enforcer = EnforcerState.Starting };
        using GateKernel kernel = GateKernel.Open(Pins.Default);
        return Read(kernel);
    }

    internal static EnforcementStatus Read(GateKernel kernel)
    {
        IdTable ids = IdTable.Read(kernel["names"]);
        StatusSums sums = Consistent(kernel);
        Agent.TryRead(kernel["agent"], out AgentRecord agent);
        kernel["control"].TryLookup(0u, out Control control);
        int? enforcer = EnforcerLock.Enforcer();
        Dictionary<uint, ShareRecord> shares = Rules.ShareTable.Read(kernel, control.Generation);
        using NetworkKernel? network = NetworkKernel.TryOpen(Pins.Default);
        return new EnforcementStatus(
            enforcer is null ? EnforcerState.Dead : enforcer == (int)agent.Pid ? EnforcerState.Running : EnforcerState.Starting,
            enforcer ?? 0,
            agent.SinceUnixMs == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(agent.SinceUnixMs),
            agent.HeartbeatUnixMs == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(agent.HeartbeatUnixMs),
            agent.Audit != 0,
            agent.CpuShares switch { 2 => "cgroup v2", 1 => "cgroup v1 cpu", _ => "none" },
            control.Generation,
            sums.PerVirtualService(ids, shares),
            sums.PerService(ids),
            Gates(kernel, ids, sums),
            sums.Live(ids),
            sums.Ended(ids),
            MoverOf(kernel, agent))
        {
            TakenNs = sums.TakenNs,
            Limits = Rules.LimitTable.Read(kernel, ids, shares, control.Generation),
            Admission = Enforce.Admission.AdmissionStatus.Read(Pins.Default, ids),
            Names = kernel.Reach.Names ? NamesOf(kernel) : null,
            Devices = network is null ? [] : NetworkStatus.Devices(network, ids),
            Network = network is null ? [] : NetworkStatus.Totals(network, ids),
        };
    }

    // An account is moved from a task to the sums at a re-bind or exit: read in between, it would count twice or not at all.
    private static StatusSums Consistent(GateKernel kernel)
    {
        const int MostTries = 5;
        for (int attempt = 1; ; attempt++)
        {
            kernel["charges"].TryLookup(0u, out ulong before);
            long takenNs = Stopwatch.GetTimestamp(); // CLOCK_MONOTONIC in ns
            StatusSums sums = new(
                takenNs,
                kernel.Run<TaskRecord>("list_tasks"),
                [.. Accounts(kernel["accounts"])],
                [.. ProcessAccounts(kernel["process_cpu"])],
                [.. kernel.Run<ConnectionRecord>("list_connections").Where(connection => connection.Role == RoleServer).DistinctBy(connection => connection.Socket)]);
            kernel["charges"].TryLookup(0u, out ulong after);
            if (before == after || attempt == MostTries) return sums;
        }
    }

    private static IEnumerable<(AccountKey Key, Account Account)> Accounts(BpfMap map)
    {
        Account[] perCpu = new Account[BpfMap.PossibleCpus];
        foreach (AccountKey key in map.Keys<AccountKey>())
        {
            if (!map.TryLookupPerCpu<AccountKey, Account>(key, perCpu)) continue;
            Account sum = default;
            foreach (Account one in perCpu) sum = new Account(sum.CpuNs + one.CpuNs, sum.WaitNs + one.WaitNs, sum.Requests + one.Requests, sum.UnknownRequests + one.UnknownRequests, sum.Rebinds + one.Rebinds);
            yield return (key, sum);
        }
    }

    private static IEnumerable<(ProcessKey Key, ProcessAccount Account)> ProcessAccounts(BpfMap map)
    {
        foreach (ProcessKey key in map.Keys<ProcessKey>())
            if (map.TryLookup(key, out ProcessAccount account)) yield return (key, account);
    }

    private static List<GateCount> Gates(GateKernel kernel, IdTable ids, StatusSums sums)
    {
        GateStats[] perCpu = new GateStats[BpfMap.PossibleCpus];
        List<GateCount> gates = [];
        foreach ((uint id, string name) in ids.All(IdKind.Gate))
        {
            if (!kernel["gate_counts"].TryLookupPerCpu<uint, GateStats>(id, perCpu)) continue;
            gates.Add(new GateCount(name, (long)(Sum([.. perCpu.Select(count => count.Hits)]) + sums.OpenHits(id)), (long)Sum([.. perCpu.Select(count => count.Rebinds)]), (long)Sum([.. perCpu.Select(count => count.Unknown)])));
        }

        return gates;
    }

    private static NameUse NamesOf(GateKernel kernel)
    {
        ulong[] perCpu = new ulong[BpfMap.PossibleCpus];
        return new NameUse(Count(0), Count(1), Count(2));

        long Count(uint kind) => kernel["name_counts"].TryLookupPerCpu<uint, ulong>(kind, perCpu) ? (long)Sum(perCpu) : 0;
    }

    private static MoverStatus MoverOf(GateKernel kernel, in AgentRecord agent)
    {
        LatencyHistogram latency = new();
        if (kernel["latencies"].TryLookup(0u, out Bytes4096 counts)) latency.Merge(counts);
        return new MoverStatus((long)agent.Moved, (long)agent.Gone, (long)agent.Failed, (long)agent.Reconciled, latency.Quantile(0.5), latency.Quantile(0.99), latency.Quantile(1), Agent.LastErrorOf(agent));
    }

    private static ulong Sum(ReadOnlySpan<ulong> values)
    {
        ulong sum = 0;
        foreach (ulong value in values) sum += value;
        return sum;
    }

    /// <summary>One sentence on the enforcer, as <c>vs status</c> begins.</summary>
    public static string Describe(EnforcementStatus status)
    {
        ArgumentNullException.ThrowIfNull(status);
        return status.Enforcer switch
        {
            EnforcerState.None => "nothing is enforced",
            EnforcerState.Starting => "an enforcer is starting",
            EnforcerState.Running => string.Create(CultureInfo.InvariantCulture, $"enforcer: running (pid {status.EnforcerPid}){(status.Audit ? ", audit: nothing is moved" : "")}"),
            _ when status.Heartbeat is null => "an enforcer was ended while it started: gates are not complete, nothing is moved; run 'vs enforce RULES' or 'vs stop'",
            _ => string.Create(CultureInfo.InvariantCulture, $"enforcer: dead since {status.Heartbeat:u}: gates go on classifying, new processes are not moved; run 'vs enforce RULES' or 'vs stop'"),
        };
    }
}
