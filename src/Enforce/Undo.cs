using System.Diagnostics;
using VirtualServices.Enforce.Admission;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Moving;
using VirtualServices.Enforce.Network;
using VirtualServices.Linux.Bpf;
using VirtualServices.Linux.Cgroups;
using VirtualServices.Model;

namespace VirtualServices.Enforce;

/// <summary>Puts everything back, whatever state it is in: network devices, processes into their cgroups first, then gates, groups and mount away.</summary>
internal static class Undo
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5), Pause = TimeSpan.FromMilliseconds(10);

    /// <summary>Undoes what this or a dead enforcer did; does nothing where there is nothing.</summary>
    public static void All(Action<string>? log)
    {
        LetGo(log); // first: what is held is let go whatever fails below
        using (NetworkKernel? network = NetworkKernel.TryOpen(Pins.Default)) NetworkUndo.All(network, log);
        using (GateKernel? kernel = TryOpen(log)) Groups(kernel, log);
        Pins.Default.Remove();
        HostAccess.DisableFastMoves();
    }

    private static void LetGo(Action<string>? log)
    {
        try
        {
            AdmissionKernel.RemovePins(Pins.Default);
        }
        catch (Exception error) when (error is BpfException or IOException)
        {
            log?.Invoke($"connections that are held may stay so: {error.Message}");
        }
    }

    /// <summary>Moves processes back to where they came from and removes the groups; does nothing where there are none.</summary>
    public static void Groups(GateKernel? kernel, Action<string>? log)
    {
        if (CgroupMount.WithCpu(CgroupMount.Find())?.Open() is not { } hierarchy || !Directory.Exists(hierarchy.Folder(GroupTree.Root))) return;
        int moved = Restore(hierarchy, kernel);
        hierarchy.Remove(GroupTree.Root);
        if (moved > 0) log?.Invoke($"moved {moved} processes back to where they came from");
    }

    private static GateKernel? TryOpen(Action<string>? log)
    {
        try
        {
            return Pins.Default.Exist ? GateKernel.Open(Pins.Default) : null;
        }
        catch (VsException error)
        {
            log?.Invoke($"{error.Message}; processes go to the root cgroup");
            return null;
        }
    }

    // Processes fork while we move them, and those that are ending cannot be moved but need some time for it: until the groups are empty.
    private static int Restore(CpuHierarchy hierarchy, GateKernel? kernel)
    {
        Homecoming homecoming = new(hierarchy, kernel is null ? null : new Origins(kernel["origins"]));
        int moved = 0;
        long began = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(began) < Patience)
        {
            Dictionary<uint, TaskRecord> tasks = [];
            foreach (TaskRecord task in kernel?.Run<TaskRecord>("list_tasks") ?? [])
                if (task.Tid == task.Pid) tasks[task.Pid] = task;
            int found = 0;
            foreach (int pid in hierarchy.Tree(GroupTree.Root).SelectMany(hierarchy.Processes).ToList())
            {
                found++;
                if (homecoming.Move(pid, tasks)) moved++;
            }

            if (found == 0) return moved;
            Thread.Sleep(Pause);
        }

        throw new VsException(ExitCode.DoesNotHold, $"processes below {hierarchy.Folder(GroupTree.Root)} fork faster than they can be moved back: run 'vs stop' again");
    }
}
