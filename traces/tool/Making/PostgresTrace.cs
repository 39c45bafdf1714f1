using VirtualServices.Cli.Demo;
using VirtualServices.Traces.Load;
using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Making;

/// <summary>PostgreSQL: a process per connection. Both tenants have connections from before, some that they keep, and new ones; the clients are not recorded, only known as peers.</summary>
internal static class PostgresTrace
{
    /// <summary>Makes it.</summary>
    public static async Task MakeAsync(TraceRun run, CancellationToken cancel)
    {
        await using PostgresServer server = await ServerLog.StartPostgresAsync(run, [TraceRun.One, TraceRun.Other], cancel);
        LoadPlan plan = new("postgres", "postgres", "127.0.0.1", server.Port, TraceRun.One, TraceRun.One, Connections: 6, Early: 2, Requests: 40, PauseMs: 5, Work: 40_000, Fresh: false, Seed: 1);
        using LoadProcess one = await run.LoadAsync(plan, cancel);
        using LoadProcess other = await run.LoadAsync(plan with { Tenant = TraceRun.Other, User = TraceRun.Other, Connections = 4, Requests = 30, Work = 60_000, PauseMs = 15, Seed = 2 }, cancel);
        run.Truth.Add(new TruthLine(Gate: new GateTruth("postgres", "receive", "process")));
        await run.RecordAsync(["--service", $"postgres=listen:tcp/{server.Port}"], [one, other], () => ServerLog.CpuOf(server, run.Requests), cancel);
    }
}
