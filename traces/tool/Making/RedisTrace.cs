using VirtualServices.Cli.Demo;
using VirtualServices.Traces.Load;
using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Making;

/// <summary>Redis: one thread for all. Its own slow log says how long it ran each script, and for which client.</summary>
internal static class RedisTrace
{
    /// <summary>Makes it.</summary>
    public static async Task MakeAsync(TraceRun run, CancellationToken cancel)
    {
        await using Server server = await Server.StartAsync(
            port => [Tools.Find("redis-server", "redis"), "--port", $"{port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--slowlog-log-slower-than", "0", "--slowlog-max-len", "100000"],
            run.Cgroups.Folder("redis"),
            cancel);
        LoadPlan plan = new("redis", "redis", "127.0.0.1", server.Port, TraceRun.One, "", Connections: 6, Early: 2, Requests: 100, PauseMs: 12, Work: 40_000, Fresh: false, Seed: 3);
        using LoadProcess one = await run.LoadAsync(plan, cancel);
        using LoadProcess other = await run.LoadAsync(plan with { Tenant = TraceRun.Other, Connections = 3, Requests = 80, Work = 80_000, PauseMs = 20, Seed = 4 }, cancel);
        run.Truth.Add(new TruthLine(Gate: new GateTruth("redis", "receive", "request")));
        await run.RecordAsync([.. run.Selector(TraceRun.One), .. run.Selector(TraceRun.Other), "--service", $"redis=listen:tcp/{server.Port}"], [one, other], () => Cpu(server.Port, run.Requests), cancel);
    }

    private static IEnumerable<CpuTruth> Cpu(int port, IReadOnlySet<string> requests) => RedisSlowLog.Read(port)
        .Where(entry => requests.Contains(entry.Arguments[^1]))
        .GroupBy(entry => TraceRun.TenantOf(entry.Arguments[^1]), StringComparer.Ordinal)
        .Select(group => new CpuTruth("redis", group.Key, 1000 * group.Sum(entry => entry.Microseconds)));
}
