using System.Globalization;
using VirtualServices.Bench.Rows;
using VirtualServices.Model;

namespace VirtualServices.Bench;

/// <summary>The proof's rows: for each kind of shared service what a steady tenant's latency is alone, beside one that asks for all it can get, and as a virtual service; and how much of the work is left.</summary>
internal sealed class RowsProof(int rounds, string[] names, TextWriter output, TextWriter progress)
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(4);

    private static readonly (string Name, string Title, double MostOfAlone, double LeastConserved, Func<CancellationToken, Task<RowSite>> StartAsync)[] All =
    [
        ("chain", "PostgreSQL behind nginx and PHP-FPM of each tenant", 2, 0.92, Start(() => new ChainRow(fresh: false))),
        ("fresh-chain", "the same, a new connection to PostgreSQL for each request", 2, 0.92, Start(() => new ChainRow(fresh: true))),
        ("pool", "PgBouncer, 40 connections to PostgreSQL", 2.5, 0.90, Start(() => new PoolRow(40))),
        ("small-pool", "PgBouncer, 10 connections to PostgreSQL", 2.5, 0.90, Start(() => new PoolRow(10))),
        ("cache", "nginx as a proxy cache, 2 workers", 2, 0.92, Start(() => new CacheRow(fresh: false))),
        ("fresh-cache", "the same, a new connection for each request", 2, 0.92, Start(() => new CacheRow(fresh: true))),
        ("dns", "Unbound over UDP", 2, 0.92, Start(() => new ResolverRow())),
        ("web", "ASP.NET Core with Npgsql", 2.5, 0.90, Start(() => new WebRow())),
    ];

    /// <summary>Runs those that are named, or all, and writes the table.</summary>
    /// <exception cref="VsException">A name is none of a row.</exception>
    public async Task RunAsync(CancellationToken cancel)
    {
        if (names.FirstOrDefault(name => !All.Any(row => row.Name == name)) is { } unknown) throw new VsException(ExitCode.Usage, $"there is no row '{unknown}': {string.Join(", ", All.Select(row => row.Name))}");
        await output.WriteLineAsync("| shared service | victim p50, p99 alone | a cgroup each | virtual services | p99 / alone (at most) | victim's rate of its target, three arms | aggressor, cgroups | virtual services | work conserved at equal speed (at least) |");
        await output.WriteLineAsync("|---|---|---|---|---|---|---|---|---|");
        foreach (var row in All.Where(row => names is [] || names.Contains(row.Name)))
        {
            await progress.WriteLineAsync(row.Title);
            await using RowSite site = await row.StartAsync(cancel);
            ThreeArms arms = await site.CompareAsync(rounds, Window, progress, cancel);
            (Cli.Demo.ArmResult alone, Cli.Demo.ArmResult cgroups, Cli.Demo.ArmResult governed) = arms;
            double target = site.VictimRate;
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"| {row.Title} | {alone.P50:F1}, {alone.P99:F1} ms | {cgroups.P50:F1}, {cgroups.P99:F1} ms | {governed.P50:F1}, {governed.P99:F1} ms | {arms.OfAlone:F2} ({row.MostOfAlone}) | {alone.Victim.Rate / target:P0}, {cgroups.Victim.Rate / target:P0}, {governed.Victim.Rate / target:P0} | {cgroups.Aggressor.Rate:F0}/s | {governed.Aggressor.Rate:F0}/s | {arms.Conserved:F2} ({row.LeastConserved}) |"));
        }
    }

    private static Func<CancellationToken, Task<RowSite>> Start(Func<RowSite> make) => cancel => RowSite.StartAsync(make(), cancel);
}
