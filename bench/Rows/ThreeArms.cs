using System.Globalization;
using VirtualServices.Cli.Demo;

namespace VirtualServices.Bench.Rows;

/// <summary>A shared service and two tenants, one that asks at a steady rate and one that asks as fast as it is answered, in three arrangements, measured in turn over the same connections.</summary>
/// <param name="Alone">The steady tenant by itself.</param>
/// <param name="Cgroups">Both, a cgroup for each and one for the service.</param>
/// <param name="Governed">Both as virtual services.</param>
internal sealed record ThreeArms(ArmResult Alone, ArmResult Cgroups, ArmResult Governed)
{
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(3), Skip = TimeSpan.FromSeconds(0.5), Drain = TimeSpan.FromSeconds(1), StartAndStop = TimeSpan.FromSeconds(8), Slack = TimeSpan.FromSeconds(10);

    /// <summary>The steady tenant's p99 with virtual services, in those that it has alone.</summary>
    public double OfAlone => Governed.P99 / Alone.P99;

    /// <summary>All requests a second with virtual services, in those with a cgroup each, at equal speed of the machine.</summary>
    public double Conserved => (Governed.Aggressor.RateAtEqualSpeed + Governed.Victim.RateAtEqualSpeed) / (Cgroups.Aggressor.RateAtEqualSpeed + Cgroups.Victim.RateAtEqualSpeed);

    /// <summary>How long a load has to last at most.</summary>
    public static TimeSpan Longest(int rounds, TimeSpan window) => Slack + rounds * (3 * (window + Skip) + Drain + Settle + StartAndStop);

    /// <summary>Measures.</summary>
    /// <param name="rules">Approved rules.</param>
    /// <param name="aggressor">Asks as fast as it is answered.</param>
    /// <param name="victim">Asks at a steady rate.</param>
    /// <param name="rate">That rate.</param>
    /// <param name="rounds">How often each arm is measured, in turn.</param>
    /// <param name="window">For how long each time.</param>
    /// <param name="speed">Tells how fast the machine is.</param>
    /// <param name="progress">Told of each round.</param>
    /// <param name="cancel">Ends it.</param>
    public static async Task<ThreeArms> MeasureAsync(string rules, IArmLoad aggressor, IArmLoad victim, int rate, int rounds, TimeSpan window, MachineSpeed speed, TextWriter progress, CancellationToken cancel)
    {
        ThreeArms arms = new(new(ArmResult.Alone, rate), new(ArmResult.Cgroups, rate), new(ArmResult.VirtualServices, rate));
        List<(ArmResult Arm, DateTime From, DateTime To)> windows = [];
        for (int round = 0; round < rounds; round++)
        {
            await progress.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"round {round + 1} of {rounds}"));
            aggressor.Pause();
            await WindowAsync(arms.Alone);
            aggressor.Resume();
            await WindowAsync(arms.Cgroups);
            aggressor.Pause(); // what piled up at the victim's client is no matter of the next arm
            await using Enforcer enforcer = await Enforcer.StartAsync(rules, cancel);
            await Task.Delay(Drain, cancel);
            aggressor.Resume();
            await Task.Delay(Settle, cancel);
            await WindowAsync(arms.Governed);
            await enforcer.StopAsync(cancel);
        }

        IReadOnlyList<Transaction> fast = await aggressor.StopAsync(cancel), steady = await victim.StopAsync(cancel);
        foreach ((ArmResult arm, DateTime from, DateTime to) in windows)
        {
            double now = speed.Within(from, to);
            arm.Victim.Add(steady, from, to, now);
            if (arm != arms.Alone) arm.Aggressor.Add(fast, from, to, now);
        }

        return arms;

        async Task WindowAsync(ArmResult arm)
        {
            await Task.Delay(Skip, cancel);
            DateTime from = DateTime.UtcNow;
            await Task.Delay(window, cancel);
            windows.Add((arm, from, DateTime.UtcNow));
        }
    }
}
