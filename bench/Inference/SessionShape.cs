using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Bench.Inference;

/// <summary>What a session is of: servers and their load.</summary>
internal abstract class SessionShape
{
    protected const int PostgresPort = 5432;

    /// <summary>Shapes by name.</summary>
    public static IReadOnlyDictionary<string, SessionShape> All { get; } = new SortedDictionary<string, SessionShape>(StringComparer.Ordinal)
    {
        ["postgres"] = new PostgresShape(),
        ["redis"] = new RedisShape(),
        ["web"] = new WebShape(),
        ["pool"] = new PoolShape(),
    };

    /// <summary>In words.</summary>
    public abstract string Title { get; }

    /// <summary>Writes a session of at least so many events.</summary>
    public void Write(string path, long events)
    {
        using PaperHost host = new(path, seed: 1, Services, Processes, Sockets);
        Begin(host);
        host.Run(events);
    }

    protected abstract IReadOnlyList<Service> Services { get; }

    protected abstract IReadOnlyList<ProcessRecord> Processes { get; }

    protected abstract IReadOnlyList<SocketRecord> Sockets { get; }

    /// <summary>Starts servers and load.</summary>
    protected abstract void Begin(PaperHost host);

    protected static Service Of(string name, int pid) => new(name, [new Selector(SelectorKind.Unit, $"{name}-{pid}.service")]);

    /// <summary>A client that connects, asks, waits for each answer, and connects anew after so many requests.</summary>
    protected static IEnumerable<long> Client(PaperHost host, PaperThread thread, PaperThread[] servers, int port, int requests, int pauseMicroseconds)
    {
        while (true)
        {
            PaperThread server = servers[host.Dice.Next(servers.Length)];
            PaperSocket socket = PaperSocket.Make(host, thread, port);
            yield return thread.Connect(socket);
            server.Inbox.Put(socket.Peer, Connected);
            for (int i = 0; i < requests; i++)
            {
                if (pauseMicroseconds > 0) yield return 1 + host.Dice.NextInt64(2000L * pauseMicroseconds);
                yield return thread.Compute(20);
                yield return thread.Send(socket, 90 + host.Dice.Next(100), Asked);
                while (thread.Inbox.Count == 0) yield return thread.Inbox.Sleep();
                thread.Inbox.Take();
                yield return thread.Receive(socket, 500 + host.Dice.Next(1000));
            }

            yield return thread.Close(socket);
            while (thread.Inbox.Count > 0) thread.Inbox.Take();
        }
    }

    /// <summary>PostgreSQL's first process: forks one for each connection.</summary>
    protected static IEnumerable<long> Postmaster(PaperHost host, PaperThread thread)
    {
        while (true)
        {
            thread.BeginWait();
            while (thread.Inbox.Count == 0) yield return thread.Inbox.Sleep();
            yield return thread.Waited(1);
            while (thread.Inbox.Count > 0)
            {
                PaperSocket socket = thread.Inbox.Take().Socket;
                yield return thread.Accept(socket);
                PaperThread child = thread.Fork();
                socket.Owner = child;
                host.Start(Backend(child, socket), 50_000);
                yield return thread.CloseCopy(socket);
            }
        }
    }

    protected static readonly object Connected = new(), Asked = new();

    private static IEnumerable<long> Backend(PaperThread thread, PaperSocket socket)
    {
        bool first = true;
        while (true)
        {
            if (!first || thread.Inbox.Count == 0)
            {
                yield return thread.Receive(socket, -11);
                thread.BeginWait();
                while (thread.Inbox.Count == 0) yield return thread.Inbox.Sleep();
                yield return thread.Waited(1);
            }

            first = false;
            if (thread.Inbox.Take().What is null) break;
            yield return thread.Receive(socket, 150);
            yield return thread.Compute(60);
            yield return thread.Send(socket, 800);
        }

        yield return thread.Receive(socket, 0);
        yield return thread.Close(socket);
        thread.Exit();
    }
}
