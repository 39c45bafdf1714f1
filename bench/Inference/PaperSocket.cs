using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Bench.Inference;

/// <summary>One end of a connection of a <see cref="PaperHost"/>.</summary>
internal sealed class PaperSocket
{
    private readonly List<object?> _early = [];
    private PaperThread? _owner;

    private PaperSocket(PaperHost host) => Cookie = host.NextCookie();

    public ulong Cookie { get; }

    public PaperSocket Peer { get; private set; } = null!;

    /// <summary>The thread that is told when something comes, also of what came before it was there.</summary>
    public PaperThread? Owner
    {
        get => _owner;
        set
        {
            _owner = value;
            foreach (object? what in _early) value?.Inbox.Put(this, what);
            _early.Clear();
        }
    }

    public bool Closed { get; set; }

    public SocketDescription Description { get; private set; } = null!;

    /// <summary>Something comes.</summary>
    public void Come(object? what)
    {
        if (_owner is { } owner) owner.Inbox.Put(this, what);
        else _early.Add(what);
    }

    /// <summary>A connection to a port.</summary>
    /// <returns>The client's end.</returns>
    public static PaperSocket Make(PaperHost host, PaperThread client, int port)
    {
        PaperSocket mine = new(host) { Owner = client }, theirs = new(host);
        (mine.Peer, theirs.Peer) = (theirs, mine);
        Endpoint local = PaperHost.Address(host.NextPort()), remote = PaperHost.Address(port);
        mine.Description = new(mine.Cookie, mine.Cookie, TransportProtocol.Tcp, SocketRole.Client, local, remote, 0, 0, 1);
        theirs.Description = new(theirs.Cookie, theirs.Cookie, TransportProtocol.Tcp, SocketRole.Server, remote, local, 0, client.Pid, 1);
        return mine;
    }
}

/// <summary>What came for a thread; it sleeps while there is nothing.</summary>
internal sealed class Inbox(PaperHost host)
{
    private readonly Queue<(PaperSocket Socket, object? What)> _items = new();
    private IEnumerator<long>? _sleeper;

    public int Count => _items.Count;

    public (PaperSocket Socket, object? What) Take() => _items.Dequeue();

    public void Put(PaperSocket socket, object? what)
    {
        const long DeliveryNs = 8_000;
        _items.Enqueue((socket, what));
        if (_sleeper is not { } sleeper) return;
        _sleeper = null;
        host.Wake(sleeper, DeliveryNs);
    }

    /// <summary>Whoever runs now is woken by the next that comes.</summary>
    public long Sleep()
    {
        _sleeper = host.Running;
        return PaperHost.Asleep;
    }
}
