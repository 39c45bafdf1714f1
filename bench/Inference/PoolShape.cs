using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Bench.Inference;

/// <summary>PgBouncer in transaction mode: the connections of two front ends take turns on a few connections to PostgreSQL.</summary>
internal sealed class PoolShape : SessionShape
{
    private const int Shop = 100, Blog = 110, Bouncer = 200, Postgres = 400, Port = 6432, Connections = 12, Pooled = 4, RequestsOfAConnection = 500;

    public override string Title => "PgBouncer: 24 connections take turns on 4 to PostgreSQL";

    protected override IReadOnlyList<Service> Services => [Of("shop", Shop), Of("blog", Blog), Of("pgbouncer", Bouncer), Of("postgres", Postgres)];

    protected override IReadOnlyList<ProcessRecord> Processes =>
    [
        PaperHost.Process(Shop, "shop", "shop"),
        PaperHost.Process(Blog, "blog", "blog"),
        PaperHost.Process(Bouncer, "pgbouncer", "pgbouncer"),
        PaperHost.Process(Postgres, "postgres", "postgres"),
    ];

    protected override IReadOnlyList<SocketRecord> Sockets => [PaperHost.Listener(1, Port, Bouncer), PaperHost.Listener(2, PostgresPort, Postgres)];

    protected override void Begin(PaperHost host)
    {
        PaperThread postmaster = new(host, Postgres, Postgres), bouncer = new(host, Bouncer, Bouncer);
        host.Start(Postmaster(host, postmaster));
        host.Start(Loop(host, bouncer, postmaster));
        foreach (int front in (int[])[Shop, Blog])
        {
            for (int i = 0; i < Connections; i++)
                host.Start(Client(host, new PaperThread(host, front, 1000 + front * 100 + i), [bouncer], Port, RequestsOfAConnection, pauseMicroseconds: 1500), host.Dice.Next(1_000_000));
        }
    }

    private static IEnumerable<long> Loop(PaperHost host, PaperThread thread, PaperThread postmaster)
    {
        Queue<PaperSocket> free = new(), waiting = new();
        Dictionary<PaperSocket, PaperSocket> busy = [];
        for (int i = 0; i < Pooled; i++)
        {
            PaperSocket up = PaperSocket.Make(host, thread, PostgresPort);
            yield return thread.Connect(up);
            postmaster.Inbox.Put(up.Peer, Connected);
            free.Enqueue(up);
        }

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
                else if (busy.Remove(socket, out PaperSocket? client))
                {
                    yield return thread.Receive(socket, 800);
                    yield return thread.Send(client, 800, Asked);
                    free.Enqueue(socket);
                }
                else if (what is null)
                {
                    yield return thread.Receive(socket, 0);
                    yield return thread.Close(socket);
                }
                else
                {
                    yield return thread.Receive(socket, 120);
                    waiting.Enqueue(socket);
                }

                while (free.Count > 0 && waiting.Count > 0)
                {
                    PaperSocket up = free.Dequeue();
                    busy.Add(up, waiting.Dequeue());
                    yield return thread.Send(up, 120, Asked);
                }
            }
        }
    }
}
