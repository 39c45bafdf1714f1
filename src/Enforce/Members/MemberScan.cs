using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Moving;
using VirtualServices.Enforce.Rules;
using VirtualServices.Linux.Bpf;
using VirtualServices.Linux.Processes;
using VirtualServices.Linux.Sockets;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Members;

/// <summary>Finds the processes of front doors and services and gives them their tags. Their later children inherit in the kernel.</summary>
/// <param name="kernel">The gates.</param>
/// <param name="rules">What the rules say.</param>
/// <param name="homecoming">Moves a process that the rules do not govern any more to where it came from; null in audit mode.</param>
internal sealed class MemberScan(GateKernel kernel, CompiledRules rules, Homecoming? homecoming)
{
    private readonly Dictionary<string, int> _priorities = rules.VirtualServices.ToDictionary(vs => vs.VirtualService.Name, vs => vs.VirtualService.Priority);
    private readonly HashSet<uint> _counted = [.. rules.Counters.Where(counter => counter.CountsProcesses).Select(counter => counter.VirtualService)];
    private readonly bool _needSockets = rules.VirtualServices.SelectMany(vs => vs.VirtualService.FrontDoors).Concat(rules.Services.SelectMany(service => service.Service.Match)).Any(selector => selector.Kind == SelectorKind.Listen);

    /// <summary>Scans until nothing new is found: a process may fork between being listed and being tagged.</summary>
    /// <returns>Processes that got a tag or another one.</returns>
    public int RunUntilStable()
    {
        const int MostRounds = 10;
        int total = 0;
        for (int round = 0; round < MostRounds; round++)
        {
            int changed = Run();
            total += changed;
            if (changed == 0) break;
        }

        return total;
    }

    /// <summary>Scans once.</summary>
    public int Run()
    {
        Dictionary<int, Assignment> wanted = Wanted(ProcessTable.Scan());
        Dictionary<uint, TaskRecord> tagged = [];
        foreach (TaskRecord task in kernel.Run<TaskRecord>("list_tasks"))
            if (task.Tid == task.Pid) tagged[task.Pid] = task;

        Dictionary<uint, Assignment> changes = [];
        foreach ((int pid, Assignment assignment) in wanted)
            if (!tagged.TryGetValue((uint)pid, out TaskRecord task) || Differs(task, assignment)) changes[(uint)pid] = assignment;

        // A virtual service that the present rules do not have any more: its processes are best effort's.
        HashSet<uint> known = [.. rules.VirtualServices.Select(vs => vs.Id)];
        foreach ((uint pid, TaskRecord task) in tagged)
        {
            // Given back by a person, and no rule speaks of it: not governed any more.
            if (task.Membership == Membership.Released && !wanted.ContainsKey((int)pid)) changes.TryAdd(pid, new Assignment(0, 0, AssignmentForce.Remove, 0));
            else if (!known.Contains(task.VirtualService)) changes.TryAdd(pid, new Assignment(task.Service, IdTable.BestEffort, IsAssigned(task) ? AssignmentForce.Release : AssignmentForce.Rules, 0));
        }

        Assign(kernel, changes);
        foreach ((uint pid, Assignment assignment) in changes)
            if (assignment.Force == AssignmentForce.Remove) homecoming?.Move(tagged[pid], tagged);
        return changes.Count;
    }

    /// <summary>Gives tags to all threads of processes.</summary>
    public static void Assign(GateKernel kernel, IReadOnlyDictionary<uint, Assignment> changes)
    {
        if (changes.Count == 0) return;
        BpfMap map = kernel["assignments"];
        try
        {
            foreach ((uint pid, Assignment assignment) in changes) map.Update(pid, assignment);
            kernel.Run("assign_tags");
        }
        finally
        {
            foreach (uint pid in changes.Keys) map.Delete(pid);
        }
    }

    // A binding made by a gate (Gate != 0) or by a person outlives scans; one made by a scan follows the rules.
    private bool Differs(in TaskRecord task, Assignment wanted) =>
        task.Service != wanted.Service
        || task.Membership == Membership.Released
        || (task.Gate == 0 && task.VirtualService != wanted.VirtualService && !IsAssigned(task) && !(task.Beyond && _counted.Contains(wanted.VirtualService)));

    private static bool IsAssigned(in TaskRecord task) => task.Membership is Membership.Assigned or Membership.OfAssigned;

    private Dictionary<int, Assignment> Wanted(ProcessTable processes)
    {
        SocketTable? sockets = _needSockets ? SocketTable.Dump() : null;
        Dictionary<int, Assignment> wanted = [];
        foreach ((uint id, Service service) in rules.Services)
            foreach (int pid in Chosen(service.Match, processes, sockets)) wanted.TryAdd(pid, new Assignment(id, IdTable.BestEffort, AssignmentForce.Rules, 0));

        // The one with the highest priority wins a process that several claim, then the first in the file.
        foreach ((uint id, VirtualService vs) in rules.VirtualServices.OrderByDescending(vs => _priorities[vs.VirtualService.Name]))
            foreach (int pid in Chosen(vs.FrontDoors, processes, sockets))
            {
                wanted.TryGetValue(pid, out Assignment present);
                if (present.VirtualService is IdTable.None or IdTable.BestEffort) wanted[pid] = present with { VirtualService = id, Force = AssignmentForce.Rules };
            }

        return wanted;
    }

    // Each kind of selector chooses descendants, too: they inherit when they are born, and so must those that are born already.
    internal static HashSet<int> Chosen(IReadOnlyList<Selector> selectors, ProcessTable processes, SocketTable? sockets)
    {
        HashSet<int> chosen = [];
        foreach (Selector selector in selectors)
        {
            if (selector.Kind == SelectorKind.Listen)
            {
                chosen.UnionWith(SelectorResolver.Resolve([selector], processes, sockets!));
                continue;
            }

            foreach (int pid in SelectorResolver.Resolve([selector], processes, SocketTable.Empty)) processes.AddWithDescendants(pid, chosen);
        }

        chosen.Remove(Environment.ProcessId);
        return chosen;
    }
}
