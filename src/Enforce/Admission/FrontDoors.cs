using System.Globalization;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Linux.Bpf;
using VirtualServices.Linux.Sockets;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Enforce.Admission;

/// <summary>A process of a front door whose accepted connections may be held.</summary>
/// <param name="Started">When it started.</param>
/// <param name="Service">The service for whose sake they are held.</param>
internal sealed record FrontDoor(ulong Started, uint Service);

/// <summary>
/// Front doors where connections can be held for a service behind them, one hop before it: what a virtual service has in flight at a service is what its front doors let in.
/// So a service is shared that can be held nowhere itself: one that blocks, or has a queue of connections that nobody else orders.
/// </summary>
internal sealed class FrontDoors(AdmissionKernel kernel)
{
    private readonly BpfMap _doors = kernel["admission_doors"];
    private readonly Dictionary<uint, Examined> _examined = [];
    private readonly HashSet<uint> _named = [];

    /// <summary>Looks at the processes of front doors that came, and tells the kernel where they listen.</summary>
    /// <param name="service">The service behind.</param>
    /// <param name="tasks">All processes that the gates know.</param>
    /// <param name="doors">Gets those where connections may be held.</param>
    /// <param name="refuse">Gets the reason for each process that came, of a virtual service all of whose processes accept connections that must not be held.</param>
    /// <param name="say">Gets the reason where others of its virtual service can be held: a back end of its own, perhaps.</param>
    /// <returns>True where there is any process of a front door.</returns>
    public bool Look(uint service, TaskRecord[] tasks, Dictionary<uint, FrontDoor> doors, Action<string> refuse, Action<string> say)
    {
        List<(uint VirtualService, string Reason)> reasons = [];
        List<TaskRecord> members = [.. tasks.Where(task => task.Service == 0 && task.VirtualService > IdTable.BestEffort)];
        foreach ((uint pid, Examined gone) in _examined.Where(one => !members.Exists(task => task.Pid == one.Key && task.Started == one.Value.Started)).ToList())
        {
            Forget(pid, gone.Ports);
            _examined.Remove(pid);
        }

        ILookup<uint, uint> ports = Ports(members);
        foreach (TaskRecord task in members)
        {
            uint[] listens = [.. ports[task.Pid].Distinct().Order()];
            bool known = _examined.TryGetValue(task.Pid, out Examined? before);
            if (known && before!.Shown && listens.SequenceEqual(before.Ports)) continue;
            if (listens.Length == 0 && !known) continue; // it may listen later
            bool shown = true;
            string? reason = TryTell(task.Pid, service, listens, before?.Ports ?? []) ? Reason((int)task.Pid, known, out shown) : "there are too many ports of front doors to follow";
            if (reason is not null)
            {
                Forget(task.Pid, listens);
                reasons.Add((task.VirtualService, reason));
            }

            _examined[task.Pid] = new Examined(task.Started, listens, reason is null && shown, shown);
        }

        foreach ((uint pid, Examined one) in _examined)
            if (one.MayBeHeld) doors[pid] = new FrontDoor(one.Started, service);
        foreach ((uint virtualService, string reason) in reasons)
        {
            if (members.Exists(task => task.VirtualService == virtualService && doors.ContainsKey(task.Pid))) say(reason);
            else refuse(reason);
        }

        foreach (IGrouping<uint, TaskRecord> one in members.GroupBy(task => task.VirtualService))
            if (!one.Any(task => doors.ContainsKey(task.Pid)) && _named.Add(one.Key))
                say(string.Create(CultureInfo.InvariantCulture, $"of the virtual service of process {one.First().Pid} no process is seen whose connections over TCP may be held, so what it asks is not held"));
        return members.Count > 0;
    }

    private bool TryTell(uint pid, uint service, uint[] ports, uint[] before)
    {
        Forget(pid, [.. before.Except(ports)]);
        try
        {
            foreach (uint port in ports) _doors.Update(new DoorKey(pid, port), service);
            return true;
        }
        catch (BpfException)
        {
            return false; // full
        }
    }

    private string? Reason(int pid, bool once, out bool shown)
    {
        shown = true;
        if (WaitEvidence.NamespaceOf(pid) is { } other && other != WaitEvidence.NamespaceOf(Environment.ProcessId))
            return string.Create(CultureInfo.InvariantCulture, $"process {pid} is in another network namespace, where nobody could let go what a dead enforcer holds");
        using BpfLink? list = kernel.TryListOf(pid);
        return list is null ? null : WaitEvidence.Missing(pid, () => AdmissionKernel.Read(list), out shown, once);
    }

    private void Forget(uint pid, uint[] ports)
    {
        foreach (uint port in ports) _doors.Delete(new DoorKey(pid, port));
    }

    private static ILookup<uint, uint> Ports(List<TaskRecord> tasks)
    {
        Dictionary<ulong, uint> listeners = [];
        if (tasks.Count > 0)
            foreach (SocketDescription socket in SocketTable.Dump().Sockets)
                if (socket.Protocol == TransportProtocol.Tcp && socket.Role == SocketRole.Listener) listeners[socket.Inode] = (uint)socket.Local.Port;
        return SocketHolders.Find(tasks.Select(task => (int)task.Pid), listeners.Keys.ToHashSet())
            .SelectMany(found => found.Value.Select(holder => (Pid: (uint)holder.Pid, Port: listeners[found.Key])))
            .ToLookup(one => one.Pid, one => one.Port);
    }

    // Not shown: nothing was seen yet that decides.
    private sealed record Examined(ulong Started, uint[] Ports, bool MayBeHeld, bool Shown);
}
