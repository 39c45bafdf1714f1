using VirtualServices.Enforce.Kernel;
using VirtualServices.Linux.Cgroups;

namespace VirtualServices.Enforce.Moving;

/// <summary>Moves processes to the cgroup they came from.</summary>
/// <param name="hierarchy">Where the groups are.</param>
/// <param name="origins">Where processes came from; null where that is not known any more: then to the root.</param>
internal sealed class Homecoming(CpuHierarchy hierarchy, Origins? origins)
{
    /// <summary>Moves one back.</summary>
    /// <param name="task">The process.</param>
    /// <param name="byPid">All tagged processes, for what its ancestors know.</param>
    /// <returns>False where it is gone.</returns>
    public bool Move(in TaskRecord task, IReadOnlyDictionary<uint, TaskRecord> byPid) =>
        hierarchy.MoveProcess(Existing(origins?.For(task, byPid) ?? "/"), (int)task.Pid);

    /// <summary>Moves one back, whether it has a tag or not.</summary>
    public bool Move(int pid, IReadOnlyDictionary<uint, TaskRecord> byPid) =>
        byPid.TryGetValue((uint)pid, out TaskRecord task) ? Move(task, byPid) : hierarchy.MoveProcess("/", pid);

    // The group may be gone, as after a restart of its unit: then the nearest one above.
    private string Existing(string group)
    {
        while (group.Length > 1 && !Directory.Exists(hierarchy.Folder(group))) group = Path.GetDirectoryName(group) ?? "/";
        return group;
    }
}
