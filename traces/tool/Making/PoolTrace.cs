using VirtualServices.Cli.Demo;
using VirtualServices.Traces.Load;
using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Making;

/// <summary>PgBouncer in transaction mode before PostgreSQL: an event loop, and behind it a few connections that all tenants take turns on. The row that PostgreSQL answers says who served whom.</summary>
internal static class PoolTrace
{
    private const string Role = "app";

    /// <summary>Makes it.</summary>
    public static async Task MakeAsync(TraceRun run, CancellationToken cancel)
    {
        await using PostgresServer database = await ServerLog.StartPostgresAsync(run, [Role], cancel);
        string configuration = Path.Combine(run.Folder, "pgbouncer.ini");
        await using Server pool = await Server.StartAsync(
            port =>
            {
                File.WriteAllText(
                    configuration,
                    $"""
                    [databases]
                    {PostgresServer.Database} = host=127.0.0.1 port={database.Port} dbname={PostgresServer.Database} user={Role}
                    [pgbouncer]
                    listen_addr = 127.0.0.1
                    listen_port = {port}
                    unix_socket_dir =
                    auth_type = any
                    pool_mode = transaction
                    default_pool_size = 3
                    """);
                return [Tools.Find("pgbouncer", "pgbouncer"), configuration];
            },
            run.Cgroups.Folder("pgbouncer"),
            cancel,
            database.Account);
        LoadPlan plan = new("postgres", "pgbouncer", "127.0.0.1", pool.Port, TraceRun.One, TraceRun.One, Connections: 6, Early: 2, Requests: 40, PauseMs: 15, Work: 30_000, Fresh: false, Seed: 5);
        using LoadProcess one = await run.LoadAsync(plan, cancel);
        using LoadProcess other = await run.LoadAsync(plan with { Tenant = TraceRun.Other, User = TraceRun.Other, Connections = 4, Requests = 30, Work = 50_000, PauseMs = 25, Seed = 6 }, cancel);
        run.Truth.Add(new TruthLine(Gate: new GateTruth("pgbouncer", "receive", "request")));
        await run.RecordAsync(
            [.. run.Selector(TraceRun.One), .. run.Selector(TraceRun.Other), .. run.Selector("pgbouncer"), "--service", $"postgres=listen:tcp/{database.Port}"],
            [one, other],
            () => ServerLog.CpuOf(database, run.Requests),
            cancel);
    }
}
