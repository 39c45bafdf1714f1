using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Inventory;

/// <summary>Where each party listens. Ports alone are kept: a service that listens on several addresses of one port is asked at one place.</summary>
internal sealed class ListenerTable
{
    /// <summary>Addresses of a party that are kept, and ports of all.</summary>
    private const int Most = 4096;

    private readonly Dictionary<int, SortedSet<string>> _byParty = [];
    private readonly HashSet<int> _ports = [];
    private readonly Dictionary<(TransportProtocol Protocol, int Port), string> _texts = [];

    /// <summary>Notes a listening socket of a process.</summary>
    public void Add(Party? party, TransportProtocol protocol, Endpoint local)
    {
        if (protocol == TransportProtocol.Tcp && local.Port > 0) _ports.Add(local.Port);
        if (party is null || TextOf(protocol, local) is not { } text) return;
        if (!_byParty.TryGetValue(party.Id, out SortedSet<string>? all)) _byParty.Add(party.Id, all = new SortedSet<string>(StringComparer.Ordinal));
        if (all.Count < Most) all.Add(text);
    }

    /// <summary>Listening addresses of a party, sorted.</summary>
    public IReadOnlyCollection<string> Of(Party party) => _byParty.TryGetValue(party.Id, out SortedSet<string>? all) ? all : [];

    /// <summary>Which side a socket is whose source does not say: the side at a port on which somebody listens is the server.</summary>
    public SocketRole RoleOf(TransportProtocol protocol, Endpoint local, Endpoint remote)
    {
        if (protocol != TransportProtocol.Tcp) return SocketRole.Unknown;
        bool server = _ports.Contains(local.Port);
        bool client = _ports.Contains(remote.Port);
        return server == client ? SocketRole.Unknown : server ? SocketRole.Server : SocketRole.Client;
    }

    /// <summary>The listening address at which a server-side end was accepted, or empty where unknown.</summary>
    public string ListenOf(Party? party, TransportProtocol protocol, Endpoint local)
    {
        if (TextOf(protocol, local) is { } text) return text;
        if (party is null || protocol != TransportProtocol.Unix) return "";
        string only = "";
        foreach (string listen in Of(party))
        {
            if (!listen.StartsWith("unix/", StringComparison.Ordinal)) continue;
            if (only.Length > 0) return "";
            only = listen;
        }

        return only;
    }

    private string? TextOf(TransportProtocol protocol, Endpoint local) => protocol switch
    {
        TransportProtocol.Tcp or TransportProtocol.Udp when local.Port is > 0 and <= ushort.MaxValue => TextOf(protocol, local.Port),
        TransportProtocol.Unix when local.Path.Length > 1 && local.Path[0] is '/' or '@' => new ListenAddress(protocol, null, 0, local.Path).ToString(),
        _ => null,
    };

    // Asked for each connection.
    private string TextOf(TransportProtocol protocol, int port)
    {
        if (!_texts.TryGetValue((protocol, port), out string? text)) _texts.Add((protocol, port), text = new ListenAddress(protocol, null, port, "").ToString());
        return text;
    }
}
