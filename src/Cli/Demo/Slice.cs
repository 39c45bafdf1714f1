namespace VirtualServices.Cli.Demo;

/// <summary>Runs one slice of an arm: front ends start, warm up, are measured over one window, and end.</summary>
internal sealed class Slice(Stage stage, int windowSeconds, int seed)
{
    // Of the aggressor's connections, so many exist before the gates are enforced.
    private const int EarlyConnections = 4;
    private const int SecondsForChecks = 4;
    private const double WarmUpSeconds = 1;
    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(10);

    /// <summary>Alone, or with the aggressor, nothing enforced.</summary>
    public async Task RunAsync(ArmResult arm, bool withAggressor, CancellationToken cancel)
    {
        ChargeAudit onlyCounting = new();
        using PgBench? aggressor = withAggressor ? Start(Stage.Aggressor, Stage.AggressorConnections, null) : null;
        using PgBench victim = Start(Stage.Victim, Stage.VictimConnections, Stage.TargetRate);
        (DateTime from, DateTime to) = await MeasureAsync(onlyCounting, withAggressor ? Stage.AggressorConnections : 0, cancel);
        arm.Victim.Add(await victim.FinishAsync(cancel), from, to, Pace(from, to));
        if (aggressor is not null) arm.Aggressor.Add(await aggressor.FinishAsync(cancel), from, to, Pace(from, to));
    }

    /// <summary>With the approved rules enforced, on connections old and new.</summary>
    public async Task RunEnforcedAsync(ArmResult arm, ChargeAudit audit, string rules, CancellationToken cancel)
    {
        using PgBench early = Start(Stage.Aggressor, EarlyConnections, null);
        await ConnectedAsync(audit, EarlyConnections, 0, cancel);
        early.Pause();
        await stage.QuietAsync(cancel);
        audit.Begin();
        await using Enforcer enforcer = await Enforcer.StartAsync(rules, cancel);
        early.Resume();
        using PgBench aggressor = Start(Stage.Aggressor, Stage.AggressorConnections - EarlyConnections, null);
        using PgBench victim = Start(Stage.Victim, Stage.VictimConnections, Stage.TargetRate);
        (DateTime from, DateTime to) = await MeasureAsync(audit, Stage.AggressorConnections, cancel);

        // Halted, the figures of /proc and of the product are of the same moment.
        PgBench[] all = [early, aggressor, victim];
        foreach (PgBench one in all) one.Pause();
        await stage.QuietAsync(cancel);
        await audit.SampleAsync(stage.Monitor, cancel);
        audit.End(await Enforcer.StatusAsync(cancel));
        foreach (PgBench one in all) one.Resume();

        arm.Victim.Add(await victim.FinishAsync(cancel), from, to, Pace(from, to));
        arm.Aggressor.Add([.. await aggressor.FinishAsync(cancel), .. await early.FinishAsync(cancel)], from, to, Pace(from, to));
        await enforcer.StopAsync(cancel);
    }

    // How many of the queries the machine was up to, in a unit of no matter: their size is set anew for each round.
    private double Pace(DateTime from, DateTime to) => stage.Speed.Within(from, to) / stage.Workload.Rows;

    private PgBench Start(string tenant, int connections, int? rate) => PgBench.Start(
        stage.Server,
        stage.Workload,
        new TenantLoad(tenant, connections, rate, seed),
        stage.Cgroups.Folder(tenant),
        windowSeconds + SecondsForChecks);

    private async Task<(DateTime From, DateTime To)> MeasureAsync(ChargeAudit audit, int aggressorConnections, CancellationToken cancel)
    {
        await ConnectedAsync(audit, aggressorConnections, Stage.VictimConnections, cancel);
        await Task.Delay(TimeSpan.FromSeconds(WarmUpSeconds), cancel);
        DateTime from = DateTime.UtcNow;
        DateTime to = from.AddSeconds(windowSeconds);
        while (DateTime.UtcNow < to)
        {
            await audit.SampleAsync(stage.Monitor, cancel);
            await Task.Delay(TimeSpan.FromMilliseconds(Math.Clamp((to - DateTime.UtcNow).TotalMilliseconds, 0, 250)), cancel);
        }

        return (from, to);
    }

    private async Task ConnectedAsync(ChargeAudit audit, int aggressor, int victim, CancellationToken cancel)
    {
        DateTime limit = DateTime.UtcNow + ConnectLimit;
        while (true)
        {
            IReadOnlyDictionary<string, int> now = await audit.SampleAsync(stage.Monitor, cancel);
            if (now.GetValueOrDefault(Stage.Aggressor) >= aggressor && now.GetValueOrDefault(Stage.Victim) >= victim) return;
            if (DateTime.UtcNow > limit)
                throw new Model.VsException(Model.ExitCode.HostLacks, $"demo: only {now.Values.Sum()} of {aggressor + victim} connections came up within {ConnectLimit.TotalSeconds} s");
            await Task.Delay(50, cancel);
        }
    }
}
