using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Tests;

/// <summary>How a client reaches the server.</summary>
internal enum Way
{
    Tcp4,
    Tcp6,

    /// <summary>The server listens on ::, the client comes by IPv4: the kernel shows the mapped form on one side.</summary>
    Mapped,
    Unix,
}

/// <summary>A PostgreSQL as its system calls show it: the postmaster accepts, forks and closes its copy; the backend reads and answers.</summary>
internal sealed class Postgres
{
    public const int Postmaster = 100;
    public const string SocketPath = "/run/postgresql/.s.PGSQL.5432";

    private readonly Recording _recording;
    private int _pid = 10_000;
    private int _port = 40_000;

    public Postgres(Recording recording, string unit = "postgresql.service")
    {
        _recording = recording;
        recording.Serve("postgres", SelectorKind.Listen, "tcp/5432");
        recording.Process(Postmaster, "postgres", exe: "/usr/lib/postgresql/15/bin/postgres", unit: unit, cgroup: "/system.slice/postgresql.service", uid: 110, comm: "postgres");
        recording.Process(101, "postgres", parent: Postmaster, exe: "/usr/lib/postgresql/15/bin/postgres", unit: unit, cgroup: "/system.slice/postgresql.service", uid: 110, comm: "postgres");
        recording.Listening(new SocketDescription(1, 11, TransportProtocol.Tcp, SocketRole.Listener, Recording.Tcp("0.0.0.0", 5432), Endpoint.None, 0, 0, 1), Postmaster);
        recording.Listening(new SocketDescription(2, 12, TransportProtocol.Tcp, SocketRole.Listener, Recording.Tcp("::", 5432), Endpoint.None, 0, 0, 1), Postmaster);
    }

    /// <summary>Listens on a unix socket, too.</summary>
    public Postgres OnUnixSocket()
    {
        _recording.Listening(new SocketDescription(3, 13, TransportProtocol.Unix, SocketRole.Listener, new Endpoint(null, 0, SocketPath), Endpoint.None, 0, 0, 1), Postmaster);
        return this;
    }

    /// <summary>A client connects and is served by a new backend. Where the client is recorded, its own calls are there, too.</summary>
    public Session Connect(int client, Way way, bool clientRecorded, bool acceptByInode = false, bool clientKnown = true)
    {
        (SocketDescription server, SocketDescription mine) = Sockets(way, client, clientKnown);
        if (clientRecorded)
        {
            _recording.Describe(mine);
            _recording.Call(CallKind.Connect, client, mine.Id);
        }

        ulong accepted = acceptByInode ? server.Inode | SocketDescription.InodeFlag : server.Id;
        if (!acceptByInode) _recording.Describe(server);
        _recording.Call(CallKind.Accept, Postmaster, accepted, 9, cpuNs: 20_000);
        if (acceptByInode) _recording.Describe(server);
        int backend = Fork();
        _recording.Call(CallKind.Close, Postmaster, accepted);
        var session = new Session(_recording, backend, client, server.Id, clientRecorded ? mine.Id : 0);
        session.Ask(87, 300, 500_000); // startup packet
        return session;
    }

    /// <summary>A connection that a backend already held when the recording began.</summary>
    public Session Existing(int client, Way way, bool clientRecorded)
    {
        (SocketDescription server, SocketDescription mine) = Sockets(way, client, known: true);
        int backend = ++_pid;
        _recording.Process(backend, "postgres", parent: Postmaster, exe: "/usr/lib/postgresql/15/bin/postgres", unit: "postgresql.service", cgroup: "/system.slice/postgresql.service", uid: 110, comm: "postgres");
        _recording.Sockets.Add(new SocketRecord(server, [new SocketHolder(backend, 9)]));
        if (clientRecorded) _recording.Sockets.Add(new SocketRecord(mine, [new SocketHolder(client, 5)]));
        return new Session(_recording, backend, client, server.Id, clientRecorded ? mine.Id : 0);
    }

    /// <summary>A background worker: forked by the postmaster, works for a backend, holds no connection.</summary>
    public int Worker(ulong cpuNs)
    {
        int pid = Fork();
        _recording.Call(CallKind.Exit, pid, cpuNs: cpuNs);
        return pid;
    }

    public int Fork(int pid = 0)
    {
        int child = pid != 0 ? pid : ++_pid;
        _recording.Call(CallKind.Fork, Postmaster, child: child, childPid: child, cpuNs: 50_000);
        return child;
    }

    public (SocketDescription Server, SocketDescription Client) Sockets(Way way, int client, bool known)
    {
        ulong serverId = _recording.NextCookie(), clientId = _recording.NextCookie(), serverInode = _recording.NextInode(), clientInode = _recording.NextInode();
        if (way == Way.Unix)
        {
            var path = new Endpoint(null, 0, SocketPath);
            return (new SocketDescription(serverId, serverInode, TransportProtocol.Unix, SocketRole.Server, path, Endpoint.None, known ? clientInode : 0, known ? client : 0, 1),
                new SocketDescription(clientId, clientInode, TransportProtocol.Unix, SocketRole.Client, Endpoint.None, path, serverInode, Postmaster, 1));
        }

        string address = way == Way.Tcp6 ? "::1" : "127.0.0.1";
        Endpoint one = Recording.Tcp(address, 5432), two = Recording.Tcp(way == Way.Mapped ? "::ffff:127.0.0.1" : address, ++_port);
        return (new SocketDescription(serverId, serverInode, TransportProtocol.Tcp, SocketRole.Server, one, two, 0, known ? client : 0, 1),
            new SocketDescription(clientId, clientInode, TransportProtocol.Tcp, SocketRole.Client, Recording.Tcp(address, two.Port), one, 0, 0, 1));
    }
}

/// <summary>One connection and the backend that serves it.</summary>
internal sealed class Session(Recording recording, int backend, int client, ulong server, ulong mine)
{
    public int Backend => backend;

    public ulong Server => server;

    public ulong Mine => mine;

    /// <summary>One request and its reply.</summary>
    public void Ask(int bytes, int reply, ulong cpuNs, int clientThread = -1)
    {
        if (mine != 0) recording.Call(CallKind.Send, client, mine, bytes, clientThread, cpuNs: 1000);
        recording.Call(CallKind.Receive, backend, server, bytes);
        recording.Call(CallKind.Receive, backend, server, -11); // EAGAIN: no bytes
        recording.Call(CallKind.Send, backend, server, reply, cpuNs: cpuNs);
        if (mine != 0) recording.Call(CallKind.Receive, client, mine, reply, clientThread, cpuNs: 1000);
    }

    public void Close()
    {
        if (mine != 0) recording.Call(CallKind.Close, client, mine);
        recording.Call(CallKind.Receive, backend, server, 0);
        recording.Call(CallKind.Close, backend, server);
        recording.Call(CallKind.Exit, backend, cpuNs: 10_000);
    }
}
