using System.Globalization;
using VirtualServices.Cli.Demo;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Linux.Bpf;

namespace VirtualServices.Bench;

/// <summary>
/// What enforced gates cost one tenant: throughput with gates on against off. Machines drift by more than what is measured within seconds, so the gate programs are detached and attached again every
/// half second below the same connections. What else enforcement does goes on in both:
/// the enforcer runs, processes are in the cgroup of their virtual service. Beside the rate, the CPU time of the tenant's client and its backends per transaction is compared: what others do on the processors
/// meanwhile changes it less. Both are taken at equal speed of the machine. Only ratios are reported, with the standard error.
/// </summary>
internal sealed class GateCost(int pairs, string[] parts, TextWriter output, TextWriter progress)
{
    private const int Connections = 4;
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

    private static readonly (string Name, bool Durable, Func<Stage, string, Workload> Make)[] Loads =
    [
        ("pgbench's own transaction, scale 10, PostgreSQL as it is installed", true, (stage, ownTransaction) => stage.Workload with { Script = ownTransaction }),
        ("the same, fsync off: no transaction waits for the disk", false, (stage, ownTransaction) => stage.Workload with { Script = ownTransaction }),
        ("a query of about 3 ms", false, (stage, _) => stage.Workload),
        ("one row per query (most gates per CPU time)", false, (stage, _) => stage.Workload with { Rows = 1 }),
    ];

    // What pgbench does where it is given no script (https://www.postgresql.org/docs/15/pgbench.html, "TPC-B (sort of)").
    private const string OwnTransaction = """
        \set aid random(1, 100000 * 10)
        \set bid random(1, 1 * 10)
        \set tid random(1, 10 * 10)
        \set delta random(-5000, 5000)
        BEGIN;
        UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;
        SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
        UPDATE pgbench_tellers SET tbalance = tbalance + :delta WHERE tid = :tid;
        UPDATE pgbench_branches SET bbalance = bbalance + :delta WHERE bid = :bid;
        INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (:tid, :bid, :aid, :delta, CURRENT_TIMESTAMP);
        END;

        """;

    /// <summary>Runs all pairs and writes the table.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        string folder = Directory.CreateTempSubdirectory("vs-bench-").FullName;
        await using Stage stage = await Stage.SetUpAsync(cancel);
        try
        {
            string rules = await new Rehearsal(stage, progress).RunAsync(folder, cancel);
            string ownTransaction = await PrepareOwnTransactionAsync(stage, cancel);
            await output.WriteLineAsync("| load, 4 connections, closed loop | gates off, median | gates on, median | throughput on / off at equal speed | CPU time per transaction, off / on at equal speed | enforcer, part of a CPU | pairs |");
            await output.WriteLineAsync("|---|---|---|---|---|---|---|");
            foreach ((string name, bool durable, Func<Stage, string, Workload> make) in Loads)
            {
                await SetDurableAsync(stage.Server, durable, cancel);
                await progress.WriteLineAsync(Say($"{name}: {pairs} pairs of {2 * Window.TotalSeconds} s"));
                await output.WriteLineAsync($"| {name} | {await MeasureAsync(stage, make(stage, ownTransaction), rules, cancel)} |");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task SetDurableAsync(PostgresServer server, bool durable, CancellationToken cancel)
    {
        await using SqlSession sql = server.OpenSession();
        await sql.QueryAsync($"ALTER SYSTEM SET fsync = {(durable ? "on" : "off")}", cancel);
        await sql.QueryAsync("SELECT pg_reload_conf()", cancel);
    }

    private static async Task<string> PrepareOwnTransactionAsync(Stage stage, CancellationToken cancel)
    {
        PostgresServer server = stage.Server;
        await using (SqlSession sql = server.OpenSession()) await sql.QueryAsync($"GRANT CREATE ON SCHEMA public TO \"{Stage.Victim}\"", cancel);
        await Child.RunAsync([server.Program("pgbench"), "-i", "-q", "-s", "10", "-h", "127.0.0.1", "-p", Say($"{server.Port}"), "-U", Stage.Victim, PostgresServer.Database], server.Account, cancel);
        string script = Path.Combine(server.Folder, "own.sql");
        await File.WriteAllTextAsync(script, OwnTransaction, cancel);
        server.Account.Chown(script);
        return script;
    }

    private async Task<string> MeasureAsync(Stage stage, Workload workload, string rules, CancellationToken cancel)
    {
        int length = (int)((pairs + 1) * (2 * (Window + Skip) + MostOfSwitching) + Settle + Margin).TotalSeconds;
        using PgBench load = PgBench.Start(stage.Server, workload, new TenantLoad(Stage.Victim, Connections, null, 1), stage.Cgroups.Folder(Stage.Victim), length);
        await using Enforcer enforcer = await Enforcer.StartAsync(rules, cancel);
        await Task.Delay(Settle, cancel);
        List<Span> on = [], off = [];
        int[] tenant = [load.Pid, .. Backends(stage.Server)];
        using GateKernel kernel = GateKernel.Open(Pins.Default);
        Dictionary<string, BpfProgram> programs = kernel.OnTracepoints.Where(name => parts is [] || parts.Contains(name)).ToDictionary(name => name, name => BpfProgram.OfLink(Pins.Default.Link(name)));
        Switch(on: false);
        long cpu = Cpu(enforcer.Pid);
        DateTime begun = DateTime.UtcNow;
        try
        {
            // Off, on, on, off, off, on, ...: a drift favours one as often as the other.
            for (int i = 0; i < pairs; i++)
            {
                (i % 2 == 0 ? off : on).Add(await WindowAsync(tenant, cancel));
                Switch(on: i % 2 == 0);
                (i % 2 == 0 ? on : off).Add(await WindowAsync(tenant, cancel));
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

        double[] rates = Effects(Rate), times = Effects(PerCpuTime);
        return Say($"{Measurement.Median(Rates(off)):F0}/s | {Measurement.Median(Rates(on)):F0}/s | {MeanEffect.Of(rates)} | {MeanEffect.Of(times)} | {used:P1} | {Math.Min(rates.Length, times.Length)}");

        double[] Rates(List<Span> windows) => [.. windows.Select(window => Count(window) / window.Seconds)];

        int Count(Span window) => all.Count(one => one.End >= window.From && one.End < window.To);

        double Rate(Span window) => Count(window) / window.Seconds / stage.Speed.Within(window.From, window.To);

        double PerCpuTime(Span window) => Count(window) / window.CpuSeconds / stage.Speed.Within(window.From, window.To);

        // Without those in which a CPU was never measured.
        double[] Effects(Func<Span, double> measure) => [.. on.Zip(off, (with, without) => Math.Log(measure(with) / measure(without))).Where(double.IsFinite)];

        void Switch(bool on)
        {
            foreach ((string name, BpfProgram program) in programs)
            {
                if (on) program.AttachTracepoint(Pins.Default.Link(name));
                else File.Delete(Pins.Default.Link(name));
            }
        }
    }

    private static async Task<Span> WindowAsync(int[] tenant, CancellationToken cancel)
    {
        await Task.Delay(Skip, cancel);
        long cpu = tenant.Sum(Procfs.CpuNs) ?? 0;
        DateTime from = DateTime.UtcNow;
        await Task.Delay(Window, cancel);
        return new Span(from, DateTime.UtcNow, ((tenant.Sum(Procfs.CpuNs) ?? 0) - cpu) / 1e9);
    }

    // What stands in the command line of a backend is its role, too: workers of the database, which come and go, have none.
    private static IEnumerable<int> Backends(PostgresServer server) =>
        Procfs.ChildrenOf(server.Pid).Where(pid => File.ReadAllText(Say($"/proc/{pid}/cmdline")).Contains(Stage.Victim, StringComparison.Ordinal));

    private static long Cpu(int process) => Directory.EnumerateDirectories(Say($"/proc/{process}/task"))
        .Sum(thread => Procfs.CpuNs(int.Parse(Path.GetFileName(thread), CultureInfo.InvariantCulture)) ?? 0);

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>A window: its bounds, and the CPU time of the tenant in it.</summary>
    private sealed record Span(DateTime From, DateTime To, double CpuSeconds)
    {
        public double Seconds => (To - From).TotalSeconds;
    }
}
