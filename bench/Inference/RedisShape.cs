using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Bench.Inference;

/// <summary>Redis, one thread for all; its clients are two tenants whose processes are known and not recorded.</summary>
internal sealed class RedisShape : SessionShape
{
    private const int Redis = 200, Port = 6379, FirstClient = 500, Connections = 25, RequestsOfAConnection = 1000;

    public override string Title => "Redis, an event loop, 50 connections of two tenants";

    protected override IReadOnlyList<Service> Services => [Of("redis", Redis)];

    protected override IReadOnlyList<ProcessRecord> Processes => [PaperHost.Process(Redis, "redis", "redis"), PaperHost.Process(FirstClient, "shop", ""), PaperHost.Process(FirstClient + 1, "blog", "")];

    protected override IReadOnlyList<SocketRecord> Sockets => [PaperHost.Listener(1, Port, Redis)];

    protected override void Begin(PaperHost host)
    {
        PaperThread redis = new(host, Redis, Redis);
        host.Start(Loop(redis));
        for (int i = 0; i < 2 * Connections; i++)
            host.Start(Client(host, new PaperThread(host, FirstClient + i % 2, 1000 + i, recorded: false), [redis], Port, RequestsOfAConnection, pauseMicroseconds: 500), host.Dice.Next(1_000_000));
    }

    private static IEnumerable<long> Loop(PaperThread thread)
    {
        List<PaperSocket> answers = [];
        while (true)
        {
            thread.BeginWait();
            while (thread.Inbox.Count == 0) yield return thread.Inbox.Sleep();
            int ready = thread.Inbox.Count;
            yield return thread.Waited(ready);
            answers.Clear();
            for (; ready > 0; ready--)
            {
                (PaperSocket socket, object? what) = thread.Inbox.Take();
                if (what == Connected)
                {
                    yield return thread.Accept(socket);
                    socket.Owner = thread;
                }
                else if (what is null)
                {
                    yield return thread.Receive(socket, 0);
                    yield return thread.Close(socket);
                }
                else
                {
                    yield return thread.Receive(socket, 40);
                    yield return thread.Compute(5);
                    answers.Add(socket);
                }
            }

            foreach (PaperSocket socket in answers) yield return thread.Send(socket, 30, Asked); // before it waits again, as Redis does
        }
    }
}
