using System.Diagnostics;
using System.Globalization;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Members;
using VirtualServices.Enforce.Rules;
using VirtualServices.Linux.Processes;
using VirtualServices.Linux.Sockets;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Enforce.Explaining;

/// <summary>Explains processes and connections from what the kernel holds: works with the enforcer running or dead.</summary>
public sealed class ExplainReader : IDisposable
{
    private const uint RoleServer = 3;
    private readonly GateKernel _kernel;
    private readonly IdTable _ids;
    private readonly Lazy<ProcessTable> _processes = new(ProcessTable.Scan);
    private readonly Lazy<SocketTable> _sockets = new(SocketTable.Dump);
    private readonly Lazy<Dictionary<ulong, List<SocketHolder>>> _holders;
    private readonly Dictionary<uint, TaskRecord> _leaders;
    private readonly List<(ConnectionRecord Record, ulong Inode)> _connections = [];
    private readonly ExplainChain _chain;
    private readonly AdmissionLooks? _admission;

    private ExplainReader(GateKernel kernel)
    {
        _kernel = kernel;
        _ids = IdTable.Read(kernel["names"]);
        _admission = AdmissionLooks.Open(Pins.Default, _ids);
        _leaders = kernel.Run<TaskRecord>("list_tasks").Where(task => task.Tid == task.Pid).ToDictionary(task => task.Pid);
        foreach (ConnectionRecord record in kernel.Run<ConnectionRecord>("list_connections"))
            if (SocketHolders.InodeOf((int)record.Pid, (int)record.Fd) is { } inode) _connections.Add((record, inode));
        _holders = new(() => SocketHolders.Find(_processes.Value.Processes.Select(process => process.Pid)));
        DateTimeOffset now = DateTimeOffset.UtcNow;
        long monotonic = Stopwatch.GetTimestamp(); // CLOCK_MONOTONIC in ns, as the kernel's times
        _chain = new ExplainChain(_leaders, _ids, Chooses, Served, at => now.AddTicks(((long)at - monotonic) / 100));
    }

    /// <summary>Reads the kernel.</summary>
    /// <exception cref="VsException">No permission, or nothing is enforced.</exception>
    public static ExplainReader Open()
    {
        HostAccess.RequireRoot("explain what is enforced");
        if (!Pins.Default.Exist) throw new VsException(ExitCode.DoesNotHold, "nothing is enforced, so nothing belongs to a virtual service: start 'vs enforce RULES'");
        GateKernel kernel = GateKernel.Open(Pins.Default);
        try
        {
            return new ExplainReader(kernel);
        }
        catch
        {
            kernel.Dispose();
            throw;
        }
    }

    /// <summary>Explains a process.</summary>
    /// <exception cref="VsException">There is none.</exception>
    public ProcessExplanation Process(int pid)
    {
        ProcessNature nature = ProcessNatures.Of(pid, out int process);
        if (nature is ProcessNature.Absent or ProcessNature.Zombie) throw new VsException(ExitCode.DoesNotHold, string.Create(CultureInfo.InvariantCulture, $"there is no process {pid}; what ended ones were charged is in 'vs status --json'"));
        return Explain(process);
    }

    /// <summary>Explains all connections of that name.</summary>
    /// <exception cref="VsException">There is none.</exception>
    public IReadOnlyList<ConnectionExplanation> Connections(ConnectionName name)
    {
        ArgumentNullException.ThrowIfNull(name);
        List<ConnectionExplanation> found = [];
        HashSet<ulong> done = [];
        foreach (SocketDescription socket in _sockets.Value.Sockets.Where(socket => socket.Role != SocketRole.Listener && name.Matches(socket)).OrderBy(socket => socket.Inode))
        {
            SocketDescription? peer = _sockets.Value.Peer(socket);
            if (!done.Add(socket.Inode) || (peer is not null && !done.Add(peer.Inode))) continue;
            found.Add(Explain(socket, peer));
        }

        return found.Count > 0 ? found : throw new VsException(ExitCode.DoesNotHold, $"there is no open connection {name.One}{(name.Other is null ? "" : $"-{name.Other}")} on this host; 'ss -tanp' and 'ss -xanp' list what is open");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _admission?.Dispose();
        _kernel.Dispose();
    }

    private ProcessExplanation Explain(int pid) => _chain.Of((uint)pid, _processes.Value.Find(pid)?.Comm ?? "");

    private ConnectionExplanation Explain(SocketDescription socket, SocketDescription? peer)
    {
        ConnectionRecord? server = Record(socket, RoleServer) ?? Record(peer, RoleServer);
        bool swap = server is not null ? Record(peer, RoleServer) is not null && Record(socket, RoleServer) is null : socket.Role == SocketRole.Client;
        (SocketDescription? accepted, SocketDescription? connected) = swap ? (peer, socket) : (socket, peer);
        List<ProcessExplanation> servers = Holders(accepted), clients = Holders(connected);
        string service = server is { } known ? _ids.Name(IdKind.Service, known.Service) ?? "" : "";
        string requester = server is { } asked ? _ids.Name(IdKind.VirtualService, asked.VirtualService) ?? "" : clients.Select(client => client.VirtualService).FirstOrDefault(name => name.Length > 0) ?? "";
        ConnectionAdmission? admission = server is { } held ? _admission?.Of((int)held.Pid, (int)held.Fd, out _) : AtDoor(accepted, ref requester);
        ExplainVerdict verdict = requester.Length > 0 && requester != VirtualService.BestEffort ? ExplainVerdict.Governed
            : server is not null || servers.Concat(clients).Any(process => process.Verdict != ExplainVerdict.NotGoverned) ? ExplainVerdict.BestEffort
            : ExplainVerdict.NotGoverned;
        Endpoint serverEnd = accepted?.Local ?? connected!.Remote, clientEnd = connected?.Local ?? accepted!.Remote;
        return new ConnectionExplanation(socket.Protocol.ToString().ToLowerInvariant(), clientEnd.ToString(), serverEnd.ToString(), verdict, requester, service, admission, servers, clients);
    }

    // The gates know no connections that front doors accept.
    private ConnectionAdmission? AtDoor(SocketDescription? accepted, ref string requester)
    {
        if (_admission is null || accepted is null || !_holders.Value.TryGetValue(accepted.Inode, out List<SocketHolder>? holders)) return null;
        foreach (SocketHolder holder in holders)
        {
            if (_admission.Of(holder.Pid, holder.Fd, out string virtualService) is not { } admission) continue;
            if (virtualService.Length > 0) requester = virtualService;
            return admission;
        }

        return null;
    }

    private ConnectionRecord? Record(SocketDescription? socket, uint role)
    {
        foreach ((ConnectionRecord record, ulong inode) in _connections)
            if (socket is not null && inode == socket.Inode && record.Role == role) return record;
        return null;
    }

    private List<ProcessExplanation> Holders(SocketDescription? socket) =>
        socket is null || !_holders.Value.TryGetValue(socket.Inode, out List<SocketHolder>? holders) ? [] : [.. holders.Select(holder => holder.Pid).Distinct().Select(Explain)];

    private List<ServedConnection> Served(uint pid)
    {
        List<ServedConnection> served = [];
        foreach ((ConnectionRecord record, ulong inode) in _connections)
        {
            if (record.Pid != pid || record.Role != RoleServer || _sockets.Value.FindByInode(inode) is not { } socket) continue;
            SocketDescription? peer = _sockets.Value.Peer(socket);
            int client = peer is not null && _holders.Value.TryGetValue(peer.Inode, out List<SocketHolder>? holders) ? holders[0].Pid : 0;
            string other = (peer?.Local ?? socket.Remote).ToString();
            served.Add(new ServedConnection(record.VirtualService, client, other.Length > 0 ? $"{other}-{socket.Local}" : socket.Local.ToString()));
        }

        return served;
    }

    private List<string> Chooses(IdKind kind, uint id, uint pid)
    {
        List<string> matching = [];
        foreach (Selector selector in ShareTable.Selectors(_ids, kind, id))
            if (MemberScan.Chosen([selector], _processes.Value, selector.Kind == SelectorKind.Listen ? _sockets.Value : SocketTable.Empty).Contains((int)pid)) matching.Add(selector.ToString());
        return matching;
    }
}
