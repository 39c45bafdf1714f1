using System.Globalization;
using System.Runtime.InteropServices;
using VirtualServices.Cli.Demo;
using VirtualServices.Traces.Load;
using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Making;

/// <summary>
/// A front end of ASP.NET Core that asks a second service (HttpClient) and PostgreSQL (a pool of Npgsql), some requests both at once, some by a worker that serves all in turn.
/// Both runtimes write down their own spans (EventPipe): which call was made for which request.
/// </summary>
internal static class AspNetTrace
{
    private const string Role = "app";

    /// <summary>Makes it.</summary>
    public static async Task MakeAsync(TraceRun run, CancellationToken cancel)
    {
        await using PostgresServer database = await ServerLog.StartPostgresAsync(run, [Role], cancel);
        await using (SqlSession sql = database.OpenSession())
            await sql.QueryAsync($"CREATE TABLE purchases (number serial, id int, backend int); GRANT INSERT ON purchases TO {Role}; GRANT USAGE ON purchases_number_seq TO {Role}", cancel);
        string log = Path.Combine(run.Folder, "shop.log");
        SpanTruth spans = new(run.Folder);
        await using Server stock = await StartAsync(run, "WebStock", "stock", spans, port => [$"{port}", Path.Combine(run.Folder, "stock.log")], cancel);
        await using Server shop = await StartAsync(run, "WebShop", "shop", spans, port => [$"{port}", $"{stock.Port}", $"Host=127.0.0.1;Port={database.Port};Username={Role};Database={PostgresServer.Database};Maximum Pool Size=4", log], cancel);

        // Both tenants ask for as much on average, so that what a request costs beside its rounds is divided as the rounds are.
        LoadPlan plan = new("http", "shop", "127.0.0.1", shop.Port, TraceRun.One, "", Connections: 5, Early: 2, Requests: 48, PauseMs: 60, Work: 4_000, Fresh: false, Seed: 14, Path: "/buy");
        using LoadProcess one = await run.LoadAsync(plan, cancel);
        using LoadProcess other = await run.LoadAsync(plan with { Tenant = TraceRun.Other, Connections = 4, PauseMs = 25, Requests = 30, Seed = 15 }, cancel);
        await run.RecordAsync(
            [.. run.Selector(TraceRun.One), .. run.Selector(TraceRun.Other), .. run.Selector("shop"), .. run.Selector("stock"), "--service", $"postgres=listen:tcp/{database.Port}"],
            [one, other],
            async () =>
            {
                await shop.StopAsync(); // spans are written to the end only when the processes end
                await stock.StopAsync();
                run.Truth.AddRange(spans.Hops(run.Truth, shop.Port, stock.Port, cancel).Select(hop => new TruthLine(hop)));
                return [.. ServerLog.CpuOf(database, run.Requests), .. CpuOf(log, run.Requests)];
            },
            cancel);
    }

    private static Task<Server> StartAsync(TraceRun run, string program, string service, SpanTruth spans, Func<int, IReadOnlyList<string>> arguments, CancellationToken cancel)
    {
        string host = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../../dotnet"));
        char slash = Path.DirectorySeparatorChar;
        string library = Path.Combine(AppContext.BaseDirectory.Replace($"{slash}Traces{slash}", $"{slash}{program}{slash}", StringComparison.Ordinal), $"VirtualServices.{program}.dll");
        return Server.StartAsync(port => [Tools.Find("env", "coreutils"), .. spans.Settings(service), host, library, .. arguments(port)], run.Cgroups.Folder(service), cancel);
    }

    /// <summary>Rounds of the tenants' requests, which both services compute: that is what they cost.</summary>
    private static IEnumerable<CpuTruth> CpuOf(string log, IReadOnlySet<string> requests)
    {
        const long NsPerRound = 100; // about; only shares are compared

        // id, port, rounds, name
        ILookup<string, long> rounds = File.ReadLines(log).Select(line => line.Split(' ')).Where(words => requests.Contains(words[3]))
            .ToLookup(words => TraceRun.TenantOf(words[3]), words => long.Parse(words[2], CultureInfo.InvariantCulture));
        return rounds.SelectMany(tenant => ((string[])["shop", "stock"]).Select(service => new CpuTruth(service, tenant.Key, NsPerRound * tenant.Sum())));
    }
}
