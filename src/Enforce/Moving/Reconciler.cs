using System.Diagnostics;
using VirtualServices.Enforce.Kernel;

namespace VirtualServices.Enforce.Moving;

/// <summary>Compares where processes are with where their tags say they belong: at a start, after a takeover, and for the rare fork that overtook a move.</summary>
/// <param name="kernel">The gates.</param>
/// <param name="tree">Where processes belong.</param>
/// <param name="origins">Where they came from.</param>
/// <param name="stationary">Services whose processes stay in their cgroup.</param>
internal sealed class Reconciler(GateKernel kernel, GroupTree tree, Origins origins, IReadOnlySet<uint> stationary)
{
    private const uint OwnThread = 1; // TAG_OWN_THREAD in gates.h
    private const uint Request = 4; // TAG_REQUEST
    private const uint Begins = 256; // TAG_BEGINS
    private const long FirstRequestNs = 1_000_000_000;

    /// <summary>Ids to move, processes before single threads (moving a process takes all its threads along). Remembers where they came from.</summary>
    public List<(uint Id, uint VirtualService, bool Thread)> Misplaced()
    {
        TaskRecord[] tasks = kernel.Run<TaskRecord>("list_tasks");
        List<(uint, uint, bool)> processes = [], threads = [];
        foreach (ref readonly TaskRecord task in tasks.AsSpan())
        {
            bool own = (task.Flags & OwnThread) != 0 && tree.Hierarchy.ThreadsFile is not null;
            if (IsInPlace(task)) continue;
            if (task.Tid == task.Pid || own) Remember(task);
            if (own) threads.Add((task.Tid, task.VirtualService, true));
            else if (task.Tid == task.Pid) processes.Add((task.Pid, PlaceOf(task), false));
        }

        return [.. processes, .. threads];
    }

    /// <summary>Number of ids that <see cref="Misplaced"/> would give; changes nothing.</summary>
    public int Count(ReadOnlySpan<TaskRecord> tasks)
    {
        int count = 0;
        foreach (ref readonly TaskRecord task in tasks)
            if (!IsInPlace(task)) count++;
        return count;
    }

    // With request scope a thread works for another virtual service a thousand times a second: it is accounted, never moved.
    private bool IsInPlace(in TaskRecord task) =>
        (task.Flags & Request) != 0 || (stationary.Contains(task.Service) && task.Membership == Membership.ByRules) || GroupOf(task) == tree.LeafOf(PlaceOf(task)).Id || JustBegan(task);

    // A process that takes the connections of all, and forks for each: in the group of best effort it would be last, and they all behind it.
    private static uint PlaceOf(in TaskRecord task) => task.Listens && IsUnbound(task) ? IdTable.Takers : task.VirtualService;

    // What it forks begins beside it, and goes where it belongs with its first request.
    private bool JustBegan(in TaskRecord task) =>
        (task.Flags & Begins) != 0 && IsUnbound(task) && Stopwatch.GetTimestamp() - (long)task.BoundAtNs < FirstRequestNs && GroupOf(task) == tree.LeafOf(IdTable.Takers).Id; // both are CLOCK_MONOTONIC in ns

    private static bool IsUnbound(in TaskRecord task) => task.Service != IdTable.None && task.Gate == 0 && task.VirtualService == IdTable.BestEffort && task.Membership == Membership.ByRules;

    private ulong GroupOf(in TaskRecord task) => tree.Hierarchy.Version == 2 ? task.CgroupV2 : task.CgroupCpu;

    private void Remember(in TaskRecord task)
    {
        if (origins.Of(task.Pid, task.Started) is not null) return;
        if (tree.Hierarchy.GroupOf((int)task.Pid) is { } group && !GroupTree.Contains(group)) origins.Record(task, group);
    }
}
