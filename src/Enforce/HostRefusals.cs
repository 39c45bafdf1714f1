using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Waiting;
using VirtualServices.Linux.Cgroups;
using VirtualServices.Model;

namespace VirtualServices.Enforce;

/// <summary>What of a rule set this host cannot enforce, though another one could.</summary>
internal static class HostRefusals
{
    /// <summary>Throws with all reasons, one a line.</summary>
    /// <param name="rules">Rules.</param>
    /// <param name="audit">True where gates only classify and count: nothing is moved then.</param>
    public static void Check(RuleSet rules, bool audit)
    {
        List<string> reasons = [.. Find(rules, audit).Select(refusal => $"{refusal.Subject}: {refusal.Text}")];
        if (reasons.Count > 0) throw new VsException(ExitCode.HostLacks, $"this host cannot enforce these rules, nothing was changed:\n  {string.Join("\n  ", reasons)}");
    }

    /// <summary>All reasons. The kernel is asked, which needs root, where a rule needs its hooks of sockets.</summary>
    public static IEnumerable<Refusal> Find(RuleSet rules, bool audit)
    {
        bool threads = audit || CgroupMount.WithCpu(CgroupMount.Find()) is not { } mount || mount.Open().ThreadsFile is not null;
        return Find(rules, threads, () => GateKernel.SocketHooks, () => GateKernel.ReadsNames, () => audit || GateKernel.ForksFail, () => audit || WaitingKernel.Works, GateKernel.UnifiedRoot is not null);
    }

    /// <summary>All reasons on a host with these capabilities.</summary>
    /// <param name="rules">Rules.</param>
    /// <param name="threads">Whether single threads can be moved.</param>
    /// <param name="hooks">Tells whether hooks of sockets see for whom a task works.</param>
    /// <param name="names">Tells whether names that are asked for can be read.</param>
    /// <param name="forks">Tells whether a fork can be made to fail.</param>
    /// <param name="waits">Tells whether a call can be made to wait.</param>
    /// <param name="unified">Whether cgroup v2 is mounted.</param>
    internal static IEnumerable<Refusal> Find(RuleSet rules, bool threads, Func<bool> hooks, Func<bool> names, Func<bool> forks, Func<bool> waits, bool unified)
    {
        string missing = unified
            ? "by Linux 6.16 or later, whose hooks of sockets see for whom a task works: boot one, or remove it"
            : "where cgroup v2 is mounted (it may be without controllers): mount -t cgroup2 none /sys/fs/cgroup/unified";
        VirtualService[] limited = [.. rules.VirtualServices.Where(vs => vs.Limits?.Sockets is not null)];
        Gate[] approved = [.. rules.Gates.Where(gate => gate.State == GateState.Approved)];
        bool lacksHooks = (limited.Length > 0 || approved.Any(NeedsHooks)) && !hooks();
        VirtualService[] named = [.. rules.VirtualServices.Where(vs => vs.FrontDoors.Any(door => door.Kind == SelectorKind.Host))];
        bool lacksNames = named.Length > 0 && !names();
        foreach (VirtualService vs in named.Where(_ => lacksNames)) yield return new Refusal(RefusedPart.VirtualService, vs.Name, $"a name that clients ask for ('host') can be read only {(unified ? "by a kernel that takes the program on_arrival, as 'vs doctor' tells: boot another one, or remove it" : "where cgroup v2 is mounted (it may be without controllers): mount -t cgroup2 none /sys/fs/cgroup/unified")}", $"frontDoors.{IndexOf(vs.FrontDoors, door => door.Kind == SelectorKind.Host)}.host");
        foreach (VirtualService vs in limited.Where(_ => lacksHooks)) yield return new Refusal(RefusedPart.VirtualService, vs.Name, $"a limit of sockets can be enforced only {missing}", "limits.sockets");
        VirtualService[] failing = [.. rules.VirtualServices.Where(vs => vs.Limits is { OnLimit: LimitAction.Errno, Processes: not null })];
        bool lacksForks = failing.Length > 0 && !forks();
        foreach (VirtualService vs in failing.Where(_ => lacksForks)) yield return new Refusal(RefusedPart.VirtualService, vs.Name, $"a fork can be made to fail with {vs.Limits!.Errno} only by a kernel that lets BPF programs be security hooks: boot it with 'bpf' added to the list that /sys/kernel/security/lsm shows (lsm=...,bpf), or use 'onLimit: best-effort', or 'pids.max' of a cgroup of your own, which counts threads", "limits.processes");
        VirtualService[] waiting = [.. rules.VirtualServices.Where(vs => vs.Limits is { OnLimit: LimitAction.Block })];
        bool lacksWaits = waiting.Length > 0 && !waits();
        foreach (VirtualService vs in waiting.Where(_ => lacksWaits)) yield return new Refusal(RefusedPart.VirtualService, vs.Name, "a call can be made to wait only by Linux 6.12 or later that lets BPF programs be security hooks: boot it with 'bpf' added to the list that /sys/kernel/security/lsm shows (lsm=...,bpf), or use errno:EAGAIN, which a program may try again, or best-effort", "limits.onLimit");
        foreach (Gate gate in approved)
        {
            if (lacksHooks && NeedsHooks(gate)) yield return new Refusal(RefusedPart.Gate, gate.Id, $"{(gate.On == GateCall.Socket ? "'on: socket'" : "datagrams")} can be governed only {missing}", gate.On == GateCall.Socket ? "on" : "when.listen");
            if (!threads && gate.Binds == BindScope.Thread) yield return new Refusal(RefusedPart.Gate, gate.Id, "'binds: thread' cannot be enforced with cgroup v2, where single threads move only inside threaded domains: use 'binds: process' if the process serves one requester at a time", "binds");
        }
    }

    private static int IndexOf(IReadOnlyList<Selector> selectors, Func<Selector, bool> which) => selectors.TakeWhile(selector => !which(selector)).Count();

    private static bool NeedsHooks(Gate gate) => gate.On == GateCall.Socket || gate.When.Listen is { Protocol: TransportProtocol.Udp };
}
