using System.Diagnostics;
using System.Globalization;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Members;
using VirtualServices.Enforce.Moving;
using VirtualServices.Linux.Cgroups;
using VirtualServices.Model;

namespace VirtualServices.Enforce;

/// <summary>What became of a process that was assigned or given back.</summary>
/// <param name="Pid">The process.</param>
/// <param name="Comm">Its name as the kernel has it.</param>
/// <param name="VirtualService">Whom it works for now; empty where it is not governed.</param>
/// <param name="Before">Whom it worked for before; empty where it was not governed.</param>
public sealed record MembershipChange(int Pid, string Comm, string VirtualService, string Before);

/// <summary>
/// Explicit membership: a person says for whom a process works. The tag in the kernel holds it, so it outlives the enforcer;
/// gates and scans leave it alone; threads and children that are made later have it, too.
/// </summary>
public static class ExplicitMembership
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(8);

    /// <summary>Assigns processes and waits until they are in the cgroup of the virtual service. All or none.</summary>
    /// <param name="virtualService">Name.</param>
    /// <param name="pids">Processes.</param>
    /// <exception cref="VsException">Nothing is enforced, the virtual service is not known, a process is out of reach or cannot be moved.</exception>
    public static IReadOnlyList<MembershipChange> Assign(string virtualService, IReadOnlyList<int> pids)
    {
        ArgumentNullException.ThrowIfNull(virtualService);
        ArgumentNullException.ThrowIfNull(pids);
        using GateKernel kernel = OpenRunning(out AgentRecord agent);
        IdTable ids = IdTable.Read(kernel["names"]);
        uint id = Find(kernel, ids, virtualService);
        AssignmentReach.Check(pids, (int)agent.Pid);
        Dictionary<uint, TaskRecord> before = Leaders(kernel);
        Dictionary<uint, Assignment> wanted = pids.Distinct().ToDictionary(pid => (uint)pid, _ => new Assignment(0, id, AssignmentForce.Explicit, 0));
        bool held = Repeat(() =>
        {
            MemberScan.Assign(kernel, wanted);
            return kernel.Run<TaskRecord>("list_tasks").Where(task => wanted.ContainsKey(task.Pid)).All(task => task.VirtualService == id && task.Membership != Membership.ByRules);
        });
        if (held && agent.Audit == 0) held = Repeat(() => InPlace(kernel, [.. wanted.Keys]));
        if (!held)
        {
            Agent.TryRead(kernel["agent"], out AgentRecord now);
            MemberScan.Assign(kernel, Releases(wanted.Keys));
            throw new VsException(ExitCode.DoesNotHold, $"the assignment to {virtualService} was taken back, because the processes could not be moved into its control group within {Patience.TotalSeconds:F0} s: {Agent.LastErrorOf(now) switch { "" => "the enforcer gave no reason", var said => said }}");
        }

        return Changes(pids, before, Leaders(kernel), ids);
    }

    /// <summary>Gives processes back to the rules, with those that inherited the assignment from them, and waits until the enforcer has said what the rules make of them.</summary>
    /// <param name="pids">Processes that are assigned.</param>
    public static IReadOnlyList<MembershipChange> Release(IReadOnlyList<int> pids)
    {
        ArgumentNullException.ThrowIfNull(pids);
        using GateKernel kernel = OpenRunning(out _);
        Dictionary<uint, TaskRecord> before = Leaders(kernel);
        string[] others = [.. pids.Distinct().Where(pid => !before.TryGetValue((uint)pid, out TaskRecord task) || task.Membership == Membership.ByRules).Select(pid => pid.ToString(CultureInfo.InvariantCulture))];
        if (others.Length > 0) throw new VsException(ExitCode.Usage, $"nothing was changed: not assigned by 'vs assign': {string.Join(", ", others)}; 'vs explain PID' tells why a process belongs where it is");
        HashSet<uint> all = WithInheritors([.. pids.Select(pid => (uint)pid)], before);
        MemberScan.Assign(kernel, Releases(all));
        if (!Repeat(() => !Leaders(kernel).Values.Any(task => task.Membership == Membership.Released && all.Contains(task.Pid))))
            throw new VsException(ExitCode.DoesNotHold, $"the enforcer has not looked at the processes within {Patience.TotalSeconds:F0} s: they will be what the rules say when it does; see 'vs status'");
        return Changes([.. all.Select(pid => (int)pid).Order()], before, Leaders(kernel), IdTable.Read(kernel["names"]));
    }

    /// <summary>Processes below the given ones that have their membership from them.</summary>
    internal static HashSet<uint> WithInheritors(IReadOnlyList<uint> pids, IReadOnlyDictionary<uint, TaskRecord> leaders)
    {
        ILookup<uint, uint> heirs = leaders.Values.Where(task => task.Membership == Membership.OfAssigned).ToLookup(task => task.InheritedFrom, task => task.Pid);
        HashSet<uint> all = [];
        Stack<uint> open = new(pids);
        while (open.TryPop(out uint pid))
            if (all.Add(pid))
                foreach (uint heir in heirs[pid]) open.Push(heir);
        return all;
    }

    private static GateKernel OpenRunning(out AgentRecord agent)
    {
        HostAccess.RequireRoot("assign processes");
        agent = default;
        if (!Pins.Default.Exist) throw new VsException(ExitCode.DoesNotHold, "nothing is enforced: start 'vs enforce RULES' first");
        GateKernel kernel = GateKernel.Open(Pins.Default);
        if (Agent.TryRead(kernel["agent"], out agent) && EnforcerLock.Enforcer() == (int)agent.Pid) return kernel;
        kernel.Dispose();
        throw new VsException(ExitCode.DoesNotHold, "the enforcer is dead, so nobody would move the processes: start 'vs enforce RULES' again, which takes over, and then assign");
    }

    private static uint Find(GateKernel kernel, IdTable ids, string name)
    {
        kernel["control"].TryLookup(0u, out Control control);
        Dictionary<string, uint> alive = Rules.ShareTable.Read(kernel, control.Generation).Keys.Select(id => (Id: id, Name: ids.Name(IdKind.VirtualService, id) ?? "")).ToDictionary(vs => vs.Name, vs => vs.Id);
        return alive.TryGetValue(name, out uint found) ? found : throw new VsException(ExitCode.Usage, $"there is no virtual service '{name}' in the rules that are enforced; there are: {string.Join(", ", alive.Keys.Order(StringComparer.Ordinal))}");
    }

    // A process that ended meanwhile is nowhere out of place.
    private static bool InPlace(GateKernel kernel, HashSet<uint> pids)
    {
        CpuHierarchy? hierarchy = CgroupMount.WithCpu(CgroupMount.Find())?.Open();
        kernel["control"].TryLookup(0u, out Control control);
        IdTable ids = IdTable.Read(kernel["names"]);
        Dictionary<uint, ShareRecord> shares = Rules.ShareTable.Read(kernel, control.Generation);
        return hierarchy is not null && Leaders(kernel).Values.Where(task => pids.Contains(task.Pid)).All(task =>
        {
            List<string> path = [];
            for (uint at = task.VirtualService; at != IdTable.None && path.Count <= shares.Count; at = shares.TryGetValue(at, out ShareRecord share) ? share.Parent : IdTable.None)
                path.Insert(0, ids.Name(IdKind.VirtualService, at) ?? "");
            return hierarchy.GroupOf((int)task.Pid) is not { } group || group == GroupTree.LeafPath(path);
        });
    }

    private static Dictionary<uint, Assignment> Releases(IEnumerable<uint> pids) => pids.ToDictionary(pid => pid, _ => new Assignment(0, 0, AssignmentForce.Release, 0));

    private static Dictionary<uint, TaskRecord> Leaders(GateKernel kernel) => kernel.Run<TaskRecord>("list_tasks").Where(task => task.Tid == task.Pid).ToDictionary(task => task.Pid);

    private static IReadOnlyList<MembershipChange> Changes(IEnumerable<int> pids, Dictionary<uint, TaskRecord> before, Dictionary<uint, TaskRecord> after, IdTable ids) =>
    [
        .. pids.Distinct().Select(pid =>
        {
            bool was = before.TryGetValue((uint)pid, out TaskRecord old), now = after.TryGetValue((uint)pid, out TaskRecord task);
            return new MembershipChange(pid, now ? StatusSums.CommOf(task) : was ? StatusSums.CommOf(old) : "", NameOf(now, task, ids), NameOf(was, old, ids));
        }),
    ];

    private static string NameOf(bool tagged, in TaskRecord task, IdTable ids) => tagged ? ids.Name(IdKind.VirtualService, task.VirtualService) ?? "" : "";

    private static bool Repeat(Func<bool> holds)
    {
        long began = Stopwatch.GetTimestamp();
        while (!holds())
        {
            if (Stopwatch.GetElapsedTime(began) > Patience) return false;
            Thread.Sleep(20); // the enforcer looks every 250 ms
        }

        return true;
    }
}
