using System.Globalization;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Linux.Processes;

/// <summary>The processes of this host at one moment. <see cref="ProcessRecord.Service"/> is empty: procfs knows none.</summary>
public sealed class ProcessTable
{
    private readonly Dictionary<int, ProcessRecord> _processes;
    private readonly ILookup<int, int> _children;

    /// <summary>Makes a table of given processes.</summary>
    public ProcessTable(IEnumerable<ProcessRecord> processes)
    {
        ArgumentNullException.ThrowIfNull(processes);
        _processes = processes.ToDictionary(process => process.Pid);
        _children = _processes.Values.ToLookup(process => process.ParentPid, process => process.Pid);
    }

    /// <summary>All processes, in no order.</summary>
    public IReadOnlyCollection<ProcessRecord> Processes => _processes.Values;

    /// <summary>Reads all processes that exist now; those that end meanwhile are left out. A process that forks meanwhile may have a child that is missing: scan again to be sure.</summary>
    public static ProcessTable Scan()
    {
        List<ProcessRecord> processes = [];
        foreach (int pid in Procfs.Numbers("/proc"))
            if (ProcessReader.Read(pid) is { } process) processes.Add(process);
        return new ProcessTable(processes);
    }

    /// <summary>Reads one process now.</summary>
    /// <returns>Null where there is no such process.</returns>
    public static ProcessRecord? TryRead(int pid) => ProcessReader.Read(pid);

    /// <summary>Thread ids of a process now, the process id among them; empty where it is gone.</summary>
    public static IReadOnlyList<int> Threads(int pid) => Procfs.Numbers(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/task"));

    /// <summary>A process of this table; null where there is none.</summary>
    public ProcessRecord? Find(int pid) => _processes.GetValueOrDefault(pid);

    /// <summary>Adds a process and all its descendants in this table to the set. A process whose parent ended belongs to its new parent, as the kernel has it.</summary>
    public void AddWithDescendants(int pid, ISet<int> set)
    {
        ArgumentNullException.ThrowIfNull(set);
        Stack<int> open = new([pid]);
        HashSet<int> seen = [];
        while (open.TryPop(out int next))
        {
            if (!seen.Add(next)) continue;
            if (_processes.ContainsKey(next)) set.Add(next);
            foreach (int child in _children[next]) open.Push(child);
        }
    }
}
