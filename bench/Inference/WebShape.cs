using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Bench.Inference;

/// <summary>nginx with two workers, four PHP processes, PostgreSQL: two queries over a new connection for each request.</summary>
internal sealed class WebShape : SessionShape
{
    private const int Nginx = 200, Php = 300, Postgres = 400, FirstClient = 500, Workers = 2, PhpProcesses = 4, Connections = 6, RequestsOfAConnection = 100, Port = 80, PhpPort = 9000, Queries = 2;

    public override string Title => "nginx, PHP-FPM, PostgreSQL: a chain over new connections";

    protected override IReadOnlyList<Service> Services => [Of("nginx", Nginx), Of("php", Php), Of("postgres", Postgres)];

    protected override IReadOnlyList<ProcessRecord> Processes =>
    [
        PaperHost.Process(Nginx, "nginx", "nginx"),
        .. Enumerable.Range(1, Workers).Select(i => PaperHost.Process(Nginx + i, "nginx", "nginx", Nginx)),
        PaperHost.Process(Php, "php", "php"),
        .. Enumerable.Range(1, PhpProcesses).Select(i => PaperHost.Process(Php + i, "php", "php", Php)),
        PaperHost.Process(Postgres, "postgres", "postgres"),
        PaperHost.Process(FirstClient, "shop", ""),
        PaperHost.Process(FirstClient + 1, "blog", ""),
    ];

    protected override IReadOnlyList<SocketRecord> Sockets =>
    [
        PaperHost.Listener(1, Port, [Nginx, .. Enumerable.Range(1, Workers).Select(i => Nginx + i)]),
        PaperHost.Listener(2, PhpPort, [Php, .. Enumerable.Range(1, PhpProcesses).Select(i => Php + i)]),
        PaperHost.Listener(3, PostgresPort, Postgres),
    ];

    protected override void Begin(PaperHost host)
    {
        PaperThread postmaster = new(host, Postgres, Postgres);
        host.Start(Postmaster(host, postmaster));
        Inbox waiting = new(host);
        for (int i = 1; i <= PhpProcesses; i++) host.Start(Script(host, new PaperThread(host, Php + i, Php + i), waiting, postmaster));
        PaperThread[] workers = [.. Enumerable.Range(1, Workers).Select(i => new PaperThread(host, Nginx + i, Nginx + i))];
        foreach (PaperThread worker in workers) host.Start(Worker(host, worker, waiting));
        for (int i = 0; i < 2 * Connections; i++)
            host.Start(Client(host, new PaperThread(host, FirstClient + i % 2, 1000 + i, recorded: false), workers, Port, RequestsOfAConnection, pauseMicroseconds: 3000), host.Dice.Next(1_000_000));
    }

    /// <summary>A worker of nginx: hands each request to PHP, and the answer back.</summary>
    private static IEnumerable<long> Worker(PaperHost host, PaperThread thread, Inbox php)
    {
        Dictionary<PaperSocket, PaperSocket> asked = [];
        while (true)
        {
            thread.BeginWait();
            while (thread.Inbox.Count == 0) yield return thread.Inbox.Sleep();
            int ready = thread.Inbox.Count;
            yield return thread.Waited(ready);
            for (; ready > 0; ready--)
            {
                (PaperSocket socket, object? what) = thread.Inbox.Take();
                if (what == Connected)
                {
                    yield return thread.Accept(socket);
                    socket.Owner = thread;
                }
                else if (asked.Remove(socket, out PaperSocket? client))
                {
                    yield return thread.Receive(socket, 900);
                    yield return thread.Send(client, 950, Asked);
                    yield return thread.Close(socket);
                }
                else if (what is null)
                {
                    if (socket.Closed) continue;
                    yield return thread.Receive(socket, 0);
                    yield return thread.Close(socket);
                }
                else
                {
                    yield return thread.Receive(socket, 140);
                    yield return thread.Compute(10);
                    PaperSocket up = PaperSocket.Make(host, thread, PhpPort);
                    yield return thread.Connect(up);
                    asked.Add(up, socket);
                    php.Put(up.Peer, Connected);
                    yield return thread.Send(up, 600, Asked);
                }
            }
        }
    }

    /// <summary>A PHP process: one request after another.</summary>
    private static IEnumerable<long> Script(PaperHost host, PaperThread thread, Inbox waiting, PaperThread postmaster)
    {
        while (true)
        {
            while (waiting.Count == 0) yield return 20_000;
            PaperSocket socket = waiting.Take().Socket;
            yield return thread.Accept(socket);
            yield return thread.Receive(socket, 600);
            PaperSocket database = PaperSocket.Make(host, thread, PostgresPort);
            yield return thread.Connect(database);
            postmaster.Inbox.Put(database.Peer, Connected);
            for (int i = 0; i < Queries; i++)
            {
                yield return thread.Compute(100);
                yield return thread.Send(database, 120, Asked);
                while (thread.Inbox.Count == 0) yield return thread.Inbox.Sleep();
                thread.Inbox.Take();
                yield return thread.Receive(database, 800);
            }

            yield return thread.Close(database);
            yield return thread.Send(socket, 900, Asked);
            yield return thread.Close(socket);
            while (thread.Inbox.Count > 0) thread.Inbox.Take();
        }
    }
}
