using VirtualServices.Linux.Processes;
using VirtualServices.Linux.Sockets;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Recording;

/// <summary>The processes that a recording's services chose, and the sockets that were there.</summary>
internal sealed class Targets
{
    private readonly Dictionary<int, uint> _services = [];
    private ProcessTable _processes = ProcessTable.Scan();
    private SocketTable _sockets = SocketTable.Dump();

    /// <summary>Recorded processes and the numbers of their services.</summary>
    internal IReadOnlyDictionary<int, uint> Services => _services;

    /// <summary>Resolves all services. Where something is there to be recorded, a selector may choose nothing yet, except one that names a process id.</summary>
    /// <param name="services">The services.</param>
    /// <param name="isAlone">Nothing else is recorded.</param>
    /// <param name="waiting">Selectors that choose nothing yet, with their services.</param>
    /// <exception cref="VsException">A selector chooses no process.</exception>
    internal static Targets Resolve(IReadOnlyList<Service> services, bool isAlone, out List<(Selector Selector, Service Service)> waiting)
    {
        Targets targets = new();
        waiting = [];
        foreach (Service service in services)
            foreach (Selector selector in service.Match)
                if (SelectorResolver.Resolve([selector], targets._processes, targets._sockets).Count == 0) waiting.Add((selector, service));
        targets.AddFound(services);
        foreach ((Selector selector, Service service) in waiting)
        {
            if (selector.Kind == SelectorKind.Pid || (isAlone && targets._services.Count == 0))
                throw new VsException(ExitCode.BadInput, $"{selector}: expected a running process of service '{service.Name}', nothing matches. Start the service first, or check the selector (a listening address must be that of a socket which is open now).");
        }

        return targets;
    }

    /// <summary>Looks for processes of the services that are not known yet.</summary>
    internal static Targets Find(IReadOnlyList<Service> services, Func<ProcessRecord, bool> isKnown)
    {
        Targets targets = new();
        targets.AddFound(services);
        targets.Keep(targets._services.Keys.Where(pid => targets._processes.Find(pid) is { } process && !isKnown(process)).ToHashSet());
        return targets;
    }

    /// <summary>Forgets all other processes.</summary>
    internal void Keep(IReadOnlySet<int> pids)
    {
        foreach (int pid in _services.Keys.Where(pid => !pids.Contains(pid)).ToArray()) _services.Remove(pid);
    }

    /// <summary>Tells of processes that more than one service chose, a sentence per pair of services.</summary>
    internal IEnumerable<string> ChosenTwice(IReadOnlyList<Service> services)
    {
        for (int number = 0; number < services.Count; number++)
        {
            IEnumerable<int> taken = SelectorResolver.Resolve(services[number].Match, _processes, _sockets).Where(pid => _services[pid] != number);
            foreach (IGrouping<uint, int> pids in taken.Order().GroupBy(pid => _services[pid]))
            {
                string first = services[(int)pids.Key].Name, example = $"process {pids.First()} ({_processes.Find(pids.First())?.Comm})";
                int more = pids.Count() - 1;
                yield return $"services '{first}' and '{services[number].Name}' both choose {example}{(more > 0 ? $" and {more} more" : "")}: recorded as '{first}'";
            }
        }
    }

    /// <summary>Looks again: processes may have been forked between the look at procfs and the marking.</summary>
    /// <returns>True where there are new ones to be marked.</returns>
    internal bool Refresh(IReadOnlyList<Service> services)
    {
        _processes = ProcessTable.Scan();
        return AddFound(services);
    }

    /// <summary>Inodes of the unix sockets that were there when the processes were chosen, whoever holds them.</summary>
    internal ulong[] UnixInodes() => [.. _sockets.Sockets.Where(socket => socket.Protocol == TransportProtocol.Unix).Select(socket => socket.Inode)];

    /// <summary>Adds one process, such as the command that was started.</summary>
    internal void Add(int pid, uint service) => _services[pid] = service;

    /// <summary>Sockets and pipes that the recorded processes hold, with holders and the process at the other end; lists them anew, so that none that was opened before marking is missed.</summary>
    internal List<SocketRecord> ExistingSockets()
    {
        _sockets = SocketTable.Dump();
        Dictionary<ulong, List<SocketHolder>> held = SocketHolders.Find(_services.Keys.Order(), null, out HashSet<ulong> pipes);
        Dictionary<ulong, List<SocketHolder>> peers = HoldersOfPeers(held);
        List<SocketRecord> records = [];
        foreach ((ulong inode, List<SocketHolder> holders) in held.OrderBy(pair => pair.Key))
        {
            SocketDescription? socket = pipes.Contains(inode) ? Pipe(inode) : _sockets.FindByInode(inode);
            if (socket is null) continue; // neither TCP, UDP nor unix, or closed meanwhile
            if (_sockets.Peer(socket) is { } peer) socket = socket with { PeerInode = peer.Inode, PeerPid = Eldest(peers.GetValueOrDefault(peer.Inode)) };
            records.Add(new SocketRecord(SocketTranslation.WithEventId(socket), holders));
        }

        return records;
    }

    /// <summary>Recorded processes with their services, and the peers of existing connections without.</summary>
    internal IEnumerable<ProcessRecord> ExistingProcesses(IEnumerable<SocketRecord> sockets, IReadOnlyList<string> names)
    {
        foreach ((int pid, uint service) in _services)
            if ((_processes.Find(pid) ?? ProcessTable.TryRead(pid)) is { } process) yield return process with { Service = names[(int)service] };
        foreach (int pid in sockets.Select(socket => socket.Description.PeerPid).Distinct())
            if (pid > 0 && !_services.ContainsKey(pid) && (_processes.Find(pid) ?? ProcessTable.TryRead(pid)) is { } peer) yield return peer;
    }

    private Dictionary<ulong, List<SocketHolder>> HoldersOfPeers(Dictionary<ulong, List<SocketHolder>> held)
    {
        HashSet<ulong> wanted = [];
        foreach (ulong inode in held.Keys)
            if (_sockets.FindByInode(inode) is { } socket && _sockets.Peer(socket) is { } peer) wanted.Add(peer.Inode);
        return wanted.Count == 0 ? [] : SocketHolders.Find(_processes.Processes.Select(process => process.Pid), wanted);
    }

    /// <summary>Of several processes with the same descriptor the oldest made it, the others inherited it.</summary>
    private int Eldest(List<SocketHolder>? holders)
        => holders?.MinBy(holder => (_processes.Find(holder.Pid)?.StartTimeNs ?? long.MaxValue, holder.Pid))?.Pid ?? 0;

    private static SocketDescription Pipe(ulong inode)
        => new(inode | SocketDescription.InodeFlag, inode, TransportProtocol.Pipe, SocketRole.Unknown, Endpoint.None, Endpoint.None, inode, 0, 0);

    private bool AddFound(IReadOnlyList<Service> services)
    {
        int before = _services.Count;
        for (int number = 0; number < services.Count; number++)
            foreach (int pid in SelectorResolver.Resolve(services[number].Match, _processes, _sockets)) _services.TryAdd(pid, (uint)number);
        return _services.Count > before;
    }
}
