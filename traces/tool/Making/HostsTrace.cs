using VirtualServices.Cli.Demo;
using VirtualServices.Traces.Load;
using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Making;

/// <summary>nginx and PHP-FPM on one host, PostgreSQL on another: two network namespaces, each recorded by a recorder of its own with its packets, and joined when the trace is read.</summary>
internal static class HostsTrace
{
    /// <summary>Makes it.</summary>
    public static async Task MakeAsync(TraceRun run, CancellationToken cancel)
    {
        using TwoHosts hosts = await TwoHosts.MakeAsync(cancel);
        string access = Path.Combine(run.Folder, "hba.conf");
        File.WriteAllText(access, $"local all all trust\nhost {PostgresServer.Database} {PhpSite.Role} {TwoHosts.FrontAddress}/32 trust\n");
        await using PostgresServer database = await ServerLog.StartPostgresAsync(run, [PhpSite.Role], cancel, TwoHosts.Back, $"listen_addresses={TwoHosts.BackAddress}", $"hba_file={access}");
        await using PhpSite site = await PhpSite.StartAsync(run, database.Account, TwoHosts.BackAddress, database.Port, cancel, TwoHosts.Front);
        LoadPlan plan = new("http", "nginx", "127.0.0.1", site.Port, TraceRun.One, "", Connections: 4, Early: 1, Requests: 20, PauseMs: 25, Work: 30_000, Fresh: false, Seed: 12, Path: "/ask.php");
        using LoadProcess one = await run.LoadAsync(plan, cancel, TwoHosts.Front);
        using LoadProcess other = await run.LoadAsync(plan with { Tenant = TraceRun.Other, Connections = 3, Work = 60_000, PauseMs = 40, Seed = 13 }, cancel, TwoHosts.Front);
        run.Truth.Add(new TruthLine(Gate: new GateTruth("nginx", "receive", "request")));
        string front = Path.Combine(run.Folder, "front"), back = Path.Combine(run.Folder, "back");
        string[] services = [.. run.Selector(TraceRun.One), .. run.Selector(TraceRun.Other), .. run.Selector("nginx"), .. run.Selector("php")];
        await using (await run.StartRecorderAsync(["-o", back, .. run.Selector("postgres"), "--packets", $"{TwoHosts.BackDevice}@{TwoHosts.Back}"], cancel))
        await using (await run.StartRecorderAsync(["-o", front, .. services, "--packets", $"{TwoHosts.FrontDevice}@{TwoHosts.Front}"], cancel))
            await run.AskAsync([one, other], cancel);
        IReadOnlyList<ScriptRun> runs = site.Runs(run.Requests);
        run.Truth.AddRange(runs.SelectMany(one => PhpSite.HopsOf(one, TwoHosts.BackAddress, TwoHosts.FrontAddress)).Select(hop => new TruthLine(hop)));
        run.Truth.AddRange(ServerLog.CpuOfProcesses(database, run.Requests).Concat(PhpSite.CpuOf(runs)).Select(cpu => new TruthLine(Cpu: cpu)));
        run.Keep(front, "front", "front");
        run.Keep(back, "back", "back");
        run.Complete();
    }
}
