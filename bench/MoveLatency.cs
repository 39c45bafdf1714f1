using System.Globalization;
using System.Text.Json;
using VirtualServices.Cli.Demo;

namespace VirtualServices.Bench;

/// <summary>From the re-bind in a gate to the end of the move into the cgroup, as the enforcer counts it, under loads that move ever more often.</summary>
internal sealed class MoveLatency(int seconds, TextWriter output, TextWriter progress)
{
    private static readonly (string Name, int Connections, int? Rate, bool Reconnect)[] Loads =
    [
        ("a new connection for each query, 2 x 10 a second", 1, 10, true),
        ("a new connection for each query, 2 x 50 a second", 2, 50, true),
        ("a new connection for each query, closed loop on 2 x 1", 1, null, true),
        ("a new connection for each query, closed loop on 2 x 8", 8, null, true),
    ];

    /// <summary>Runs all loads and writes the table.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        string folder = Directory.CreateTempSubdirectory("vs-bench-").FullName;
        await using Stage stage = await Stage.SetUpAsync(cancel);
        try
        {
            string rules = await new Rehearsal(stage, progress).RunAsync(folder, cancel);
            await output.WriteLineAsync("| load | moves | failed | median | p99 | longest |");
            await output.WriteLineAsync("|---|---|---|---|---|---|");
            foreach ((string name, int connections, int? rate, bool reconnect) in Loads)
            {
                await using Enforcer enforcer = await Enforcer.StartAsync(rules, cancel);
                await LoadAsync(stage, connections, rate, reconnect, cancel);
                using JsonDocument status = JsonDocument.Parse(await Enforcer.StatusAsync(cancel));
                await enforcer.StopAsync(cancel);
                JsonElement mover = status.RootElement.GetProperty("mover");
                await output.WriteLineAsync(string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {name} | {mover.GetProperty("moved")} | {mover.GetProperty("failed")} | {Microseconds("p50_ns")} | {Microseconds("p99_ns")} | {Microseconds("max_ns")} |"));

                string Microseconds(string field) => string.Create(CultureInfo.InvariantCulture, $"{mover.GetProperty(field).GetInt64() / 1000.0:F0} µs");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private async Task LoadAsync(Stage stage, int connections, int? rate, bool reconnect, CancellationToken cancel)
    {
        PgBench[] loads = [.. new[] { Stage.Aggressor, Stage.Victim }.Select(tenant => PgBench.Start(
            stage.Server, stage.Workload with { Rows = 1000 }, new TenantLoad(tenant, connections, rate, 1, reconnect), stage.Cgroups.Folder(tenant), seconds))];
        foreach (PgBench load in loads)
        {
            using (load) await load.FinishAsync(cancel);
        }
    }
}
