using VirtualServices.Cli.Demo;
using VirtualServices.Traces.Load;
using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Making;

/// <summary>nginx, PHP-FPM and PostgreSQL: an event loop, a pool of processes that serve one request after another, and a process per connection. The script says which process worked for which request, and over which connection it asked.</summary>
internal static class WebTrace
{
    /// <summary>Makes it.</summary>
    public static async Task MakeAsync(TraceRun run, CancellationToken cancel)
    {
        await using PostgresServer database = await ServerLog.StartPostgresAsync(run, [PhpSite.Role], cancel);
        await using PhpSite site = await PhpSite.StartAsync(run, database.Account, "127.0.0.1", database.Port, cancel);
        LoadPlan plan = new("http", "nginx", "127.0.0.1", site.Port, TraceRun.One, "", Connections: 5, Early: 2, Requests: 24, PauseMs: 25, Work: 30_000, Fresh: false, Seed: 7, Path: "/ask.php");
        using LoadProcess one = await run.LoadAsync(plan, cancel);
        using LoadProcess other = await run.LoadAsync(plan with { Tenant = TraceRun.Other, Connections = 3, Requests = 24, Work = 60_000, PauseMs = 40, Seed = 8 }, cancel);
        run.Truth.Add(new TruthLine(Gate: new GateTruth("nginx", "receive", "request")));
        await run.RecordAsync(
            [.. run.Selector(TraceRun.One), .. run.Selector(TraceRun.Other), .. run.Selector("nginx"), .. run.Selector("php"), "--service", $"postgres=listen:tcp/{database.Port}"],
            [one, other],
            () =>
            {
                IReadOnlyList<ScriptRun> runs = site.Runs(run.Requests);
                run.Truth.AddRange(runs.SelectMany(one => PhpSite.HopsOf(one, "127.0.0.1", "127.0.0.1")).Select(hop => new TruthLine(hop)));
                return [.. ServerLog.CpuOfProcesses(database, run.Requests), .. PhpSite.CpuOf(runs)];
            },
            cancel);
    }
}
