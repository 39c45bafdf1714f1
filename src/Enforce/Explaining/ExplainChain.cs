using VirtualServices.Enforce.Kernel;

namespace VirtualServices.Enforce.Explaining;

/// <summary>Who asks over a connection that a process serves.</summary>
/// <param name="VirtualService">Number of the requester's virtual service, 0 where it is not known.</param>
/// <param name="Client">Process that holds the other end, 0 where it is not on this host.</param>
/// <param name="Text">Both addresses.</param>
internal sealed record ServedConnection(uint VirtualService, int Client, string Text);

/// <summary>Follows the reasons from a process to where its virtual service comes from. Pure: all that it needs is given.</summary>
/// <param name="leaders">Tagged processes by number.</param>
/// <param name="ids">Names of numbers.</param>
/// <param name="chooses">Selectors of a front door (virtual service) or match (service) that choose the process.</param>
/// <param name="served">Open connections that a process serves.</param>
/// <param name="timeOf">Time of day for a CLOCK_MONOTONIC time in ns.</param>
internal sealed class ExplainChain(
    IReadOnlyDictionary<uint, TaskRecord> leaders,
    IdTable ids,
    Func<IdKind, uint, uint, IReadOnlyList<string>> chooses,
    Func<uint, IReadOnlyList<ServedConnection>> served,
    Func<ulong, DateTimeOffset> timeOf)
{
    /// <summary>Explains a process that exists.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="comm">Its name, for one that has no tag.</param>
    public ProcessExplanation Of(uint pid, string comm)
    {
        if (!leaders.TryGetValue(pid, out TaskRecord task))
            return new ProcessExplanation((int)pid, comm, ExplainVerdict.NotGoverned, "", "", [new ExplainStep(ExplainStepKind.NotGoverned, (int)pid, comm, "", null, "", [], 0, "", "no front door and no service of the rules chooses it, and no governed process made it since")]);
        List<ExplainStep> chain = [];
        HashSet<uint> seen = [];
        for (uint next = pid; next != 0 && seen.Add(next) && leaders.TryGetValue(next, out TaskRecord at);)
        {
            (ExplainStep step, next) = Step(at);
            chain.Add(step);
        }

        string name = ids.Name(IdKind.VirtualService, task.VirtualService) ?? "";
        return new ProcessExplanation((int)pid, StatusSums.CommOf(task), task.VirtualService is IdTable.BestEffort or IdTable.None ? ExplainVerdict.BestEffort : ExplainVerdict.Governed, name, ids.Name(IdKind.Service, task.Service) ?? "", chain);
    }

    // The step for a process, and the process that explains it further (0: this is the end).
    private (ExplainStep Step, uint Next) Step(in TaskRecord task)
    {
        ExplainStep step = new(ExplainStepKind.Assigned, (int)task.Pid, StatusSums.CommOf(task), ids.Name(IdKind.VirtualService, task.VirtualService) ?? "", timeOf(task.BoundAtNs), ids.Name(IdKind.Gate, task.Gate) ?? "", [], 0, "", "");
        if (task.Membership == Membership.Assigned) return (step, 0);
        if (task.Membership == Membership.Released) return (step with { Kind = ExplainStepKind.Released }, 0);
        if (task.InheritedFrom != 0) return Inherited(task, step with { Kind = ExplainStepKind.Fork, Other = (int)task.InheritedFrom });
        if (task.Gate != 0) return Asked(task, step with { Kind = ExplainStepKind.Gate });
        bool door = task.VirtualService is not (IdTable.BestEffort or IdTable.None);
        IReadOnlyList<string> selectors = door ? chooses(IdKind.FrontDoors, task.VirtualService, task.Pid) : chooses(IdKind.Matches, task.Service, task.Pid);
        string note = selectors.Count > 0 ? "" : "what chose it then chooses it no more, or is too long to be kept in the kernel";
        if (!door && task.Service == 0) note = "the virtual service that it worked for is not in the rules any more";
        return (step with { Kind = door ? ExplainStepKind.FrontDoor : ExplainStepKind.Service, Selectors = selectors, Note = note }, 0);
    }

    private (ExplainStep, uint) Inherited(in TaskRecord task, ExplainStep step)
    {
        // The number of a process that ended may be another's by now: parents are older than their children.
        if (!leaders.TryGetValue(task.InheritedFrom, out TaskRecord parent) || parent.Started > task.Started) return (step with { Other = 0, Note = $"process {task.InheritedFrom}, which made it, has ended" }, 0);
        if (parent.VirtualService == task.VirtualService) return (step, task.InheritedFrom);
        return (step with { Note = $"that process works for {ids.Name(IdKind.VirtualService, parent.VirtualService)} by now" }, 0);
    }

    private (ExplainStep, uint) Asked(in TaskRecord task, ExplainStep step)
    {
        uint wanted = task.VirtualService;
        IReadOnlyList<ServedConnection> all = served(task.Pid);
        ServedConnection? asked = all.FirstOrDefault(connection => connection.VirtualService == wanted && connection.Client != 0) ?? all.FirstOrDefault(connection => connection.VirtualService == wanted);
        if (asked is not null) return (step with { Other = asked.Client, Connection = asked.Text }, (uint)asked.Client);
        if (wanted == IdTable.BestEffort) return (step with { Note = "the requester is not known: nobody is charged for it but best effort" }, 0);
        return (step with { Note = "the connection that asked is closed, or the gate names the virtual service" }, 0);
    }
}
