using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Import;

/// <summary>Ends of connections that are open now. Both ends may carry one id; each becomes a socket of its own.</summary>
internal sealed class ImportedEnds
{
    /// <summary>As the inference has it: a parent that holds more than this passes its connections on at first use only.</summary>
    private const int MostInherited = 64;

    private readonly Dictionary<(string Host, string Connection), List<ImportedEnd>> _open = [];
    private ulong _next = 1;

    /// <summary>The end that a call is about.</summary>
    /// <param name="e">The call.</param>
    /// <param name="process">Who made it.</param>
    /// <param name="changed">True where something new is known of the end: it has to be described.</param>
    internal ImportedEnd Of(NeutralEvent e, ImportedProcess process, out bool changed)
    {
        SocketRole role = e.Call switch { CallKind.Accept => SocketRole.Server, CallKind.Connect => SocketRole.Client, _ => e.Role };
        var key = (e.Host, e.Connection);
        if (!_open.TryGetValue(key, out List<ImportedEnd>? ends)) _open.Add(key, ends = []);
        ImportedEnd? end = Find(ends, role, process, out SocketRole likely);
        if (end is { Used: true } && e.Call is CallKind.Accept or CallKind.Connect)
        {
            Forget(end!, ends); // the id is used again, the close was lost
            end = null;
        }

        changed = end is null;
        if (end is null)
        {
            end = new ImportedEnd(_next++, e.Host, e.Connection) { Role = role == SocketRole.Unknown ? likely : role };
            ends.Add(end);
        }

        if (end.Role == SocketRole.Unknown && role != SocketRole.Unknown)
        {
            end.Role = role;
            changed = true;
        }

        changed |= end.Learn(e);
        end.Used |= e.Call is CallKind.Receive or CallKind.Send;
        if (!end.Holders.Contains(process)) Hold(end, process);
        return end;
    }

    /// <summary>A process closed its descriptor; the id is free when nobody holds the end.</summary>
    internal void Close(ImportedEnd end, ImportedProcess process)
    {
        process.Held.Remove(end);
        end.Holders.Remove(process);
        if (end.Holders.Count == 0 && _open.TryGetValue((end.Host, end.Connection), out List<ImportedEnd>? ends)) Forget(end, ends);
    }

    /// <summary>A process was forked.</summary>
    internal static void Inherit(ImportedProcess parent, ImportedProcess child)
    {
        if (parent.Held.Count > MostInherited) return;
        foreach (ImportedEnd end in parent.Held) Hold(end, child);
    }

    /// <summary>A process ended.</summary>
    internal void Release(ImportedProcess process)
    {
        while (process.Held.Count > 0) Close(process.Held[^1], process);
    }

    private void Forget(ImportedEnd end, List<ImportedEnd> ends)
    {
        foreach (ImportedProcess holder in end.Holders) holder.Held.Remove(end);
        end.Holders.Clear();
        ends.Remove(end);
        if (ends.Count == 0) _open.Remove((end.Host, end.Connection));
    }

    private static void Hold(ImportedEnd end, ImportedProcess process)
    {
        end.Holders.Add(process);
        process.Held.Add(end);
    }

    private static ImportedEnd? Find(List<ImportedEnd> ends, SocketRole role, ImportedProcess process, out SocketRole likely)
    {
        likely = SocketRole.Unknown;
        ImportedEnd? unknown = null;
        foreach (ImportedEnd end in ends)
        {
            bool own = end.Holders.Contains(process);
            if (role == SocketRole.Unknown ? own : end.Role == role) return end;
            if (own && end.Role == SocketRole.Unknown) unknown = end;
            likely = end.Role switch { SocketRole.Server => SocketRole.Client, SocketRole.Client => SocketRole.Server, _ => SocketRole.Unknown };
        }

        // Both ends are there and the process holds neither: it was handed one, as a worker is handed what a server accepted.
        return unknown ?? (role == SocketRole.Unknown && ends.Count >= 2 ? ends.Find(end => end.Role == SocketRole.Server) ?? ends[0] : null);
    }
}

/// <summary>One end of a connection of an import.</summary>
internal sealed class ImportedEnd(ulong id, string host, string connection)
{
    internal ulong Id { get; } = id;

    internal string Host { get; } = host;

    internal string Connection { get; } = connection;

    internal SocketRole Role { get; set; }

    /// <summary>Bytes passed.</summary>
    internal bool Used { get; set; }

    internal List<ImportedProcess> Holders { get; } = [];

    private TransportProtocol _protocol;
    private Endpoint _local = Endpoint.None, _remote = Endpoint.None;

    /// <summary>Takes what an event says of the end. True where that is new.</summary>
    internal bool Learn(NeutralEvent e)
    {
        bool changed = false;
        if (e.Protocol != TransportProtocol.None && e.Protocol != _protocol)
        {
            _protocol = e.Protocol;
            changed = true;
        }

        if (e.Local != Endpoint.None && e.Local != _local)
        {
            _local = e.Local;
            changed = true;
        }

        if (e.Remote != Endpoint.None && e.Remote != _remote)
        {
            _remote = e.Remote;
            changed = true;
        }

        return changed;
    }

    internal SocketDescription Describe() => new(Id, 0, _protocol, Role, _local, _remote, 0, 0, 0, Connection, Host);
}
