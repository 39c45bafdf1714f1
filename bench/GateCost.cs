using System.Globalization;
using VirtualServices.Cli.Demo;

namespace VirtualServices.Bench;

/// <summary>
/// What enforced gates cost one tenant: throughput with gates on against off, in pairs. Machines drift by more than what is measured, so each pair runs back to back,
/// the order alternates, and only ratios are reported: median and range.
/// </summary>
internal sealed class GateCost(int pairs, int seconds, TextWriter output, TextWriter progress)
{
    private const int Connections = 4;

    private static readonly (string Name, int Rows)[] Loads =
    [
        ("one row per query (most gates per CPU time)", 1),
        ("a query of about 3 ms", 0),
    ];

    /// <summary>Runs all pairs and writes the tables.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        string folder = Directory.CreateTempSubdirectory("vs-bench-").FullName;
        await using Stage stage = await Stage.SetUpAsync(cancel);
        try
        {
            string rules = await new Rehearsal(stage, progress).RunAsync(folder, cancel);
            await output.WriteLineAsync("| load, 4 connections, closed loop | gates off, median | gates on, median | on / off, median | range | pairs |");
            await output.WriteLineAsync("|---|---|---|---|---|---|");
            string? status = null;
            foreach ((string name, int rows) in Loads)
            {
                Workload workload = rows == 0 ? stage.Workload : stage.Workload with { Rows = rows };
                List<(double Off, double On)> results = [];
                for (int i = 0; i < pairs; i++)
                {
                    double first = i % 2 == 0 ? await OffAsync() : await OnAsync();
                    double second = i % 2 == 0 ? await OnAsync() : await OffAsync();
                    results.Add(i % 2 == 0 ? (first, second) : (second, first));
                    await progress.WriteLineAsync(Say($"{name}: pair {i + 1} of {pairs}: {results[^1].Off:F0} off, {results[^1].On:F0} on, {results[^1].On / results[^1].Off:F3}"));
                }

                double[] ratios = [.. results.Select(pair => pair.On / pair.Off).Order()];
                await output.WriteLineAsync(Say(
                    $"| {name} | {Median(results.Select(pair => pair.Off)):F0}/s | {Median(results.Select(pair => pair.On)):F0}/s | {Median(ratios):F3} | {ratios[0]:F3}-{ratios[^1]:F3} | {pairs} |"));

                async Task<double> OnAsync()
                {
                    await using Enforcer enforcer = await Enforcer.StartAsync(rules, cancel);
                    double rate = await RateAsync(stage, workload, cancel);
                    status = await Enforcer.StatusAsync(cancel);
                    await enforcer.StopAsync(cancel);
                    return rate;
                }

                Task<double> OffAsync() => RateAsync(stage, workload, cancel);
            }

            await output.WriteLineAsync();
            await output.WriteLineAsync("vs status --json at the end of the last round:");
            await output.WriteLineAsync(status);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private async Task<double> RateAsync(Stage stage, Workload workload, CancellationToken cancel)
    {
        using PgBench load = PgBench.Start(
            stage.Server, workload, new TenantLoad(Stage.Victim, Connections, null, 1), stage.Cgroups.Folder(Stage.Victim), seconds + 1);
        IReadOnlyList<Transaction> all = await load.FinishAsync(cancel);
        // The first second is connecting and warming up.
        DateTime from = all.Min(one => one.End).AddSeconds(1);
        DateTime to = all.Max(one => one.End);
        return all.Count(one => one.End >= from) / (to - from).TotalSeconds;
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
