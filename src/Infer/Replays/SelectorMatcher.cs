using System.Globalization;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Replays;

/// <summary>Tells which processes of an inventory a selector chooses, as the enforcer would.</summary>
internal sealed class SelectorMatcher
{
    private const int DeepestChain = 64; // a broken inventory may hold a circle
    private readonly Dictionary<int, ProcessRecord> _byPid = [];
    private readonly List<(SocketDescription Socket, IReadOnlyList<SocketHolder> Holders)> _listeners = [];

    public SelectorMatcher(SessionInfo info)
    {
        foreach (ProcessRecord process in info.Processes.OrderBy(p => p.StartTimeNs)) _byPid[process.Pid] = process;
        foreach (SocketRecord socket in info.Sockets)
        {
            if (socket.Description.Role == SocketRole.Listener) _listeners.Add((socket.Description, socket.Holders));
        }
    }

    /// <summary>The process itself, without looking at its ancestors except where the kind says so (pid, listen).</summary>
    public bool Matches(Selector selector, ProcessRecord process) => selector.Kind switch
    {
        SelectorKind.Unit => process.Unit == selector.Value || process.Cgroup.Split('/').Contains(selector.Value, StringComparer.Ordinal),
        SelectorKind.Cgroup => process.Cgroup == selector.Value || process.Cgroup.StartsWith(selector.Value.TrimEnd('/') + "/", StringComparison.Ordinal),
        SelectorKind.Uid => selector.Value == process.Uid.ToString(CultureInfo.InvariantCulture),
        SelectorKind.Exe => process.Exe == selector.Value,
        SelectorKind.Pid => Chain(process).Any(p => selector.Value == p.Pid.ToString(CultureInfo.InvariantCulture)),
        SelectorKind.Listen => ListenAddress.TryParse(selector.Value, out ListenAddress address) && Chain(process).Any(p => Listens(p.Pid, address)),
        _ => false,
    };

    /// <summary>The process or one of its ancestors: what a service's match means.</summary>
    public bool MatchesFamily(Selector selector, ProcessRecord process) => Chain(process).Any(p => Matches(selector, p));

    private bool Listens(int pid, ListenAddress address)
    {
        foreach ((SocketDescription socket, IReadOnlyList<SocketHolder> holders) in _listeners)
        {
            if (address.Matches(socket.Protocol, socket.Local) && holders.Any(h => h.Pid == pid)) return true;
        }

        return false;
    }

    private IEnumerable<ProcessRecord> Chain(ProcessRecord process)
    {
        ProcessRecord? at = process;
        for (int depth = 0; at is not null && depth < DeepestChain; depth++)
        {
            yield return at;
            at = at.ParentPid == at.Pid ? null : _byPid.GetValueOrDefault(at.ParentPid);
        }
    }
}
