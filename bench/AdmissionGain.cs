using System.Globalization;
using VirtualServices.Bench.EventLoop;
using VirtualServices.Bench.Rows;
using VirtualServices.Cli.Demo;
using VirtualServices.Enforce;

namespace VirtualServices.Bench;

/// <summary>What admission buys on a shared Redis and what it costs: the victim alone, both tenants with a cgroup each, both as virtual services; and shares by weight under full demand.</summary>
internal sealed class AdmissionGain(int rounds, TextWriter output, TextWriter progress)
{
    private const string Get = "GET x\r\n";
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(4), Shares = TimeSpan.FromSeconds(10), Settle = TimeSpan.FromSeconds(3);

    /// <summary>Runs all rounds and writes the tables.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        await using SharedRedis shared = await SharedRedis.StartAsync(cancel);
        await output.WriteLineAsync("| Redis, aggressor 50 connections in a closed loop | victim p50, p99 alone | a cgroup each | virtual services | p99 / alone | victim's rate of its target | aggressor, cgroups | virtual services | work conserved at equal speed |");
        await output.WriteLineAsync("|---|---|---|---|---|---|---|---|---|");
        foreach ((string name, RedisLoad load) in (IEnumerable<(string, RedisLoad)>)[
            ("requests of 0.4 ms, victim 100/s on 2 connections", new RedisLoad(await shared.SlowRequestAsync(cancel), 100)),
            ("requests of 10 µs, victim 500/s on 2 connections", new RedisLoad(Get, 500))])
        {
            await progress.WriteLineAsync(name);
            ThreeArms arms = await shared.CompareAsync(load, rounds, Window, progress, cancel);
            (ArmResult alone, ArmResult cgroups, ArmResult governed) = arms;
            await output.WriteLineAsync(Say($"| {name} | {alone.P50:F1}, {alone.P99:F1} ms | {cgroups.P50:F1}, {cgroups.P99:F1} ms | {governed.P50:F1}, {governed.P99:F1} ms | {arms.OfAlone:F2} | {governed.Victim.Rate / load.VictimRate:P0} | {cgroups.Aggressor.Rate:F0}/s | {governed.Aggressor.Rate:F0}/s | {arms.Conserved:F2} |"));
        }

        await output.WriteLineAsync();
        await output.WriteLineAsync("| weights, 20 connections each in a closed loop, requests of 0.4 ms | CPU time of Redis over 10 s | entitled |");
        await output.WriteLineAsync("|---|---|---|");
        foreach ((int one, int other) in ((int, int)[])[(100, 100), (100, 200), (100, 400)])
        {
            double part = await ShareAsync(shared, (one, other), cancel);
            await output.WriteLineAsync(Say($"| {one / 100}:{other / 100} | {1 - part:P1} : {part:P1} | {(double)one / (one + other):P1} : {(double)other / (one + other):P1} |"));
        }
    }

    // The part of the second of two tenants that both ask for all they can get.
    private static async Task<double> ShareAsync(SharedRedis shared, (int One, int Other) weights, CancellationToken cancel)
    {
        const int Connections = 20, LongEnough = 120;
        await shared.WriteRulesAsync(weights, cancel);
        string request = await shared.SlowRequestAsync(cancel);
        using TurnsLoad one = shared.Load(SharedRedis.Aggressor, Connections, null, LongEnough, request), other = shared.Load(SharedRedis.Victim, Connections, null, LongEnough, request);
        await using Cli.Demo.Enforcer enforcer = await Cli.Demo.Enforcer.StartAsync(shared.Rules, cancel);
        await Task.Delay(Settle, cancel);
        Dictionary<string, long> before = Used();
        await Task.Delay(Shares, cancel);
        Dictionary<string, long> after = Used();
        await enforcer.StopAsync(cancel);
        await one.StopAsync(cancel);
        await other.StopAsync(cancel);
        double first = after[SharedRedis.Aggressor] - before[SharedRedis.Aggressor], second = after[SharedRedis.Victim] - before[SharedRedis.Victim];
        return second / (first + second);
    }

    private static Dictionary<string, long> Used()
    {
        List<ServiceUse> uses = [.. StatusReader.Read().Use.Where(use => use.Service == SharedRedis.Service)];
        return new[] { SharedRedis.Aggressor, SharedRedis.Victim }.ToDictionary(name => name, name => uses.Where(use => use.VirtualService == name).Sum(use => use.Counts.CpuNs));
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
