using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Rules;
using VirtualServices.Linux.Processes;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Members;

/// <summary>Classifies connections that are older than the gates, and binds the processes that serve them: they may not receive anything for a long time, yet work.</summary>
internal sealed class ExistingConnections(GateKernel kernel, CompiledRules rules)
{
    /// <summary>Marks sockets in the kernel and binds serving processes as the receive gate would.</summary>
    /// <returns>Processes that were bound.</returns>
    public int Bind()
    {
        kernel.Run("mark_listeners");
        kernel.Run("mark_connections");
        ServerRecord[] servers = kernel.Run<ServerRecord>("list_servers");
        if (servers.Length == 0) return 0;
        IReadOnlyDictionary<int, int> parents = Parents();
        Dictionary<uint, Assignment> bindings = Choose(servers, parents);
        HashSet<int> forking = [.. parents.Values];

        // What a gate bound meanwhile, or before a takeover, is newer knowledge; what a person assigned is nobody else's business. Who listens and forks has a connection for a moment only, until it has forked for it.
        foreach (TaskRecord task in kernel.Run<TaskRecord>("list_tasks"))
            if (task.Gate != 0 || task.Membership != Membership.ByRules || (task.Listens && forking.Contains((int)task.Pid))) bindings.Remove(task.Pid);
        MemberScan.Assign(kernel, bindings);
        return bindings.Count;
    }

    /// <summary>The process that serves a connection is its holder furthest down the tree, if all connections that it holds are for the same virtual service.</summary>
    internal Dictionary<uint, Assignment> Choose(IReadOnlyList<ServerRecord> servers, IReadOnlyDictionary<int, int> parents)
    {
        Dictionary<uint, HashSet<Assignment>> claims = [];
        foreach (IGrouping<ulong, ServerRecord> holders in servers.GroupBy(server => server.Socket))
        {
            HashSet<uint> pids = [.. holders.Select(holder => holder.Pid)];
            HashSet<uint> above = [.. pids.SelectMany(pid => Ancestors(pid, parents))];
            foreach (ServerRecord server in holders)
            {
                if (above.Contains(server.Pid)) continue;
                Assignment claim = default; // a connection for which no gate chooses anything speaks against binding, too
                if (rules.Find(server.Service, server.Endpoint, server.Requester) is { } rule && rule.Scope == (uint)BindScope.Process && CompiledRules.Choose(rule, server.Requester) is { } chosen)
                    claim = new Assignment(server.Service, chosen, AssignmentForce.Rules, rule.Gate);
                if (!claims.TryGetValue(server.Pid, out HashSet<Assignment>? all)) claims[server.Pid] = all = [];
                all.Add(claim);
            }
        }

        return claims.Where(claim => claim.Value.Count == 1 && claim.Value.Single() != default).ToDictionary(claim => claim.Key, claim => claim.Value.Single());
    }

    private static Dictionary<int, int> Parents() => ProcessTable.Scan().Processes.ToDictionary(process => process.Pid, process => process.ParentPid);

    private static IEnumerable<uint> Ancestors(uint pid, IReadOnlyDictionary<int, int> parents)
    {
        int at = (int)pid;
        for (int depth = 0; depth < 64 && parents.TryGetValue(at, out int parent) && parent > 0; depth++)
        {
            yield return (uint)parent;
            at = parent;
        }
    }
}
