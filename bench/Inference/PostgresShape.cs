using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Bench.Inference;

/// <summary>PostgreSQL, a process for each connection, asked by the threads of two front ends.</summary>
internal sealed class PostgresShape : SessionShape
{
    private const int Shop = 100, Blog = 110, Postgres = 200, Threads = 8, RequestsOfAConnection = 40;

    public override string Title => "PostgreSQL, a process per connection, two front ends";

    protected override IReadOnlyList<Service> Services => [Of("shop", Shop), Of("blog", Blog), Of("postgres", Postgres)];

    protected override IReadOnlyList<ProcessRecord> Processes => [PaperHost.Process(Shop, "shop", "shop"), PaperHost.Process(Blog, "blog", "blog"), PaperHost.Process(Postgres, "postgres", "postgres")];

    protected override IReadOnlyList<SocketRecord> Sockets => [PaperHost.Listener(1, PostgresPort, Postgres)];

    protected override void Begin(PaperHost host)
    {
        PaperThread postmaster = new(host, Postgres, Postgres);
        host.Start(Postmaster(host, postmaster));
        foreach (int front in (int[])[Shop, Blog])
        {
            for (int i = 0; i < Threads; i++)
                host.Start(Client(host, new PaperThread(host, front, 1000 + front * 10 + i), [postmaster], PostgresPort, RequestsOfAConnection, pauseMicroseconds: 300), host.Dice.Next(1_000_000));
        }
    }
}
