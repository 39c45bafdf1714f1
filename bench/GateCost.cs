using System.Globalization;
using VirtualServices.Cli.Demo;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Linux.Bpf;

namespace VirtualServices.Bench;

/// <summary>
/// What enforced gates cost one tenant: throughput with gates on against off. Machines drift by more than what is measured within seconds, so the gate programs are detached and attached again every
/// half second below the same connections, and each window with gates is compared with the windows beside it: the pair is (mean of the neighbours, window). What else enforcement does goes on in both:
/// the enforcer runs, processes are in the cgroup of their virtual service. Only ratios are reported, with the standard error of their median.
/// </summary>
internal sealed class GateCost(int pairs, TextWriter output, TextWriter progress)
{
    private const int Connections = 4;
    private const int RepeatsOfBootstrap = 1000;
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(0.4);

    // After a switch: what was under way is over, and the kernel has patched its tracepoints.
    private static readonly TimeSpan Skip = TimeSpan.FromSeconds(0.05);

    // From the start of the enforcer until its code is compiled, which goes on for some seconds.
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(8);

    // An enforcer that has to start beside a load of both processors takes a few seconds.
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(40);

    // Detaching waits until nobody runs the program any more, for each one.
    private static readonly TimeSpan MostOfSwitching = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Flush = TimeSpan.FromSeconds(1);

    private static readonly (string Name, int Rows)[] Loads =
    [
        ("one row per query (most gates per CPU time)", 1),
        ("a query of about 3 ms", 0),
    ];

    /// <summary>Runs all pairs and writes the table.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        string folder = Directory.CreateTempSubdirectory("vs-bench-").FullName;
        await using Stage stage = await Stage.SetUpAsync(cancel);
        try
        {
            string rules = await new Rehearsal(stage, progress).RunAsync(folder, cancel);
            await output.WriteLineAsync("| load, 4 connections, closed loop | gates off, median | gates on, median | on / off, median | its standard error | enforcer, part of a CPU | pairs |");
            await output.WriteLineAsync("|---|---|---|---|---|---|---|");
            foreach ((string name, int rows) in Loads)
            {
                await progress.WriteLineAsync(Say($"{name}: {pairs} pairs of {2 * Window.TotalSeconds} s"));
                await output.WriteLineAsync($"| {name} | {await MeasureAsync(stage, rows == 0 ? stage.Workload : stage.Workload with { Rows = rows }, rules, cancel)} |");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private async Task<string> MeasureAsync(Stage stage, Workload workload, string rules, CancellationToken cancel)
    {
        int length = (int)((pairs + 1) * (2 * (Window + Skip) + MostOfSwitching) + Settle + Margin).TotalSeconds;
        using PgBench load = PgBench.Start(stage.Server, workload, new TenantLoad(Stage.Victim, Connections, null, 1), stage.Cgroups.Folder(Stage.Victim), length);
        await using Enforcer enforcer = await Enforcer.StartAsync(rules, cancel);
        await Task.Delay(Settle, cancel);
        List<(DateTime From, DateTime To)> on = [], off = [];
        Dictionary<string, BpfProgram> programs = GateKernel.OnTracepoints.ToDictionary(name => name, name => BpfProgram.OfLink(Pins.Default.Link(name)));
        long cpu = Cpu(enforcer.Pid);
        DateTime begun = DateTime.UtcNow;
        try
        {
            for (int i = 0; i <= pairs; i++)
            {
                foreach (string name in programs.Keys) File.Delete(Pins.Default.Link(name));
                off.Add(await WindowAsync(cancel));
                foreach ((string name, BpfProgram program) in programs) program.AttachTracepoint(Pins.Default.Link(name));
                if (i < pairs) on.Add(await WindowAsync(cancel));
            }
        }
        finally
        {
            foreach (BpfProgram program in programs.Values) program.Dispose();
        }

        double used = (Cpu(enforcer.Pid) - cpu) / (DateTime.UtcNow - begun).TotalNanoseconds;
        await Task.Delay(Flush, cancel);
        IReadOnlyList<Transaction> all = await load.CutAsync(cancel);
        await enforcer.StopAsync(cancel);

        double[] offRates = Rates(off, all), onRates = Rates(on, all);
        double[] ratios = [.. onRates.Select((rate, i) => 2 * rate / (offRates[i] + offRates[i + 1]))];
        return Say($"{Measurement.Median(offRates):F0}/s | {Measurement.Median(onRates):F0}/s | {Measurement.Median(ratios):F3} | {ErrorOfMedian(ratios):F3} | {used:P1} | {pairs}");
    }

    private static double[] Rates(List<(DateTime From, DateTime To)> windows, IReadOnlyList<Transaction> all) =>
        [.. windows.Select(window => all.Count(one => one.End >= window.From && one.End < window.To) / (window.To - window.From).TotalSeconds)];

    private static async Task<(DateTime From, DateTime To)> WindowAsync(CancellationToken cancel)
    {
        await Task.Delay(Skip, cancel);
        DateTime from = DateTime.UtcNow;
        await Task.Delay(Window, cancel);
        return (from, DateTime.UtcNow);
    }

    private static long Cpu(int process) => Directory.EnumerateDirectories($"/proc/{process.ToString(CultureInfo.InvariantCulture)}/task")
        .Sum(thread => Procfs.CpuNs(int.Parse(Path.GetFileName(thread), CultureInfo.InvariantCulture)) ?? 0);

    // Bootstrap (Efron 1979): the spread of the median over samples drawn with replacement.
    private static double ErrorOfMedian(double[] values)
    {
        Random random = new(1);
        double[] medians = [.. Enumerable.Range(0, RepeatsOfBootstrap).Select(_ => Measurement.Median(values.Select(_ => values[random.Next(values.Length)])))];
        double mean = medians.Average();
        return Math.Sqrt(medians.Average(median => (median - mean) * (median - mean)));
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
