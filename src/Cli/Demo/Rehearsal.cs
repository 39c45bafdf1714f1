using System.Globalization;
using VirtualServices.Model;

namespace VirtualServices.Cli.Demo;

/// <summary>From live traffic to approved rules, by the commands that an administrator types: record, infer, approve, check.</summary>
internal sealed class Rehearsal(Stage stage, TextWriter progress)
{
    private const int RecordSeconds = 10;
    private const int EarlyConnections = 2;
    private const int Seed = 1;
    private static readonly TimeSpan RecorderLimit = TimeSpan.FromSeconds(15);

    /// <summary>Leaves session, rules and report in a folder.</summary>
    /// <returns>The rule file.</returns>
    /// <exception cref="VsException">A step failed.</exception>
    public async Task<string> RunAsync(string folder, CancellationToken cancel)
    {
        string rules = DemoReport.RulesIn(folder);
        await RecordAsync(DemoReport.SessionIn(folder), cancel);
        await StepAsync(cancel, "infer", DemoReport.SessionIn(folder), "-o", rules, "--report", DemoReport.PageIn(folder));
        foreach (string line in await File.ReadAllLinesAsync(rules, cancel)) await progress.WriteLineAsync($"    {line}");
        await StepAsync(cancel, "approve", rules, "--all", "--by", "demo");
        await StepAsync(cancel, "check", rules);
        return rules;
    }

    private async Task RecordAsync(string session, CancellationToken cancel)
    {
        string[] command =
        [
            "record", "-o", session, "--duration", $"{RecordSeconds}s",
            "--service", $"{Stage.Aggressor}=cgroup:{stage.Cgroups.PathOf(Stage.Aggressor)}",
            "--service", $"{Stage.Victim}=cgroup:{stage.Cgroups.PathOf(Stage.Victim)}",
            "--service", $"{Stage.Service}=listen:tcp/{stage.Server.Port.ToString(CultureInfo.InvariantCulture)}",
        ];
        Show(command);

        // Some connections exist before the recording starts, as on any host that already runs.
        using PgBench earlyAggressor = Start(Stage.Aggressor, EarlyConnections, RecordSeconds);
        using PgBench earlyVictim = Start(Stage.Victim, EarlyConnections, RecordSeconds);
        await stage.PresentAsync([Stage.Aggressor, Stage.Victim], cancel);
        using Child recorder = VsChild.Start(command, line => progress.WriteLine($"    {line}"));
        if (!await Wait.UntilAsync(() => recorder.HasExited || File.Exists(Path.Combine(session, "session.json")), RecorderLimit, cancel) || recorder.HasExited)
            throw new VsException(ExitCode.HostLacks, $"demo: 'vs record' did not begin: {recorder.Errors.Trim()}");
        using PgBench aggressor = Start(Stage.Aggressor, Stage.AggressorConnections - EarlyConnections, RecordSeconds - 3);
        using PgBench victim = Start(Stage.Victim, Stage.VictimConnections - EarlyConnections, RecordSeconds - 3);
        foreach (PgBench one in (PgBench[])[victim, aggressor, earlyVictim, earlyAggressor]) await one.FinishAsync(cancel);
        int code = await recorder.WaitAsync(cancel);
        if (code != 0) throw new VsException(VsChild.Known(code), $"demo: 'vs record' ended with exit code {code}: {recorder.Errors.Trim()}");
    }

    private PgBench Start(string tenant, int connections, int seconds) => PgBench.Start(
        stage.Server,
        stage.Workload,
        new TenantLoad(tenant, connections, tenant == Stage.Victim ? Stage.TargetRate : null, Seed),
        stage.Cgroups.Folder(tenant),
        seconds);

    private async Task StepAsync(CancellationToken cancel, params string[] arguments)
    {
        Show(arguments);
        foreach (string line in (await VsChild.RunAsync(cancel, arguments)).Split('\n', StringSplitOptions.RemoveEmptyEntries)) await progress.WriteLineAsync($"    {line}");
    }

    private void Show(IEnumerable<string> arguments) => progress.WriteLine($"$ vs {string.Join(' ', arguments)}");
}
