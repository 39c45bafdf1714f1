using System.Globalization;
using VirtualServices.Cli.Demo;
using VirtualServices.Traces.Load;
using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Making;

/// <summary>
/// Redis: one thread for all. Its own slow log says which scripts it ran, and for how many rounds: that is what they cost. The durations in the log are of the wall clock, and grow
/// with whatever else runs on the machine.
/// </summary>
internal static class RedisTrace
{
    private const long NsPerRound = 30; // about; only shares are compared

    /// <summary>Makes it.</summary>
    public static async Task MakeAsync(TraceRun run, CancellationToken cancel)
    {
        await using Server server = await Server.StartAsync(
            port => [Tools.Find("redis-server", "redis"), "--port", $"{port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--slowlog-log-slower-than", "0", "--slowlog-max-len", "100000"],
            run.Cgroups.Folder("redis"),
            cancel);
        // Scripts of the same length on average, so that what a request costs beside its script is divided as the rounds are.
        LoadPlan plan = new("redis", "redis", "127.0.0.1", server.Port, TraceRun.One, "", Connections: 6, Early: 2, Requests: 100, PauseMs: 20, Work: 80_000, Fresh: false, Seed: 3);
        using LoadProcess one = await run.LoadAsync(plan, cancel);
        using LoadProcess other = await run.LoadAsync(plan with { Tenant = TraceRun.Other, Connections = 3, Requests = 80, PauseMs = 30, Seed = 4 }, cancel);
        run.Truth.Add(new TruthLine(Gate: new GateTruth("redis", "receive", "request")));
        await run.RecordAsync([.. run.Selector(TraceRun.One), .. run.Selector(TraceRun.Other), "--service", $"redis=listen:tcp/{server.Port}"], [one, other], () => Cpu(server.Port, run.Requests), cancel);
    }

    private static IEnumerable<CpuTruth> Cpu(int port, IReadOnlySet<string> requests) => RedisSlowLog.Read(port)
        .Where(words => requests.Contains(words[^1]))
        .GroupBy(words => TraceRun.TenantOf(words[^1]), StringComparer.Ordinal)
        .Select(group => new CpuTruth("redis", group.Key, NsPerRound * group.Sum(words => long.Parse(words[3], CultureInfo.InvariantCulture))));
}
