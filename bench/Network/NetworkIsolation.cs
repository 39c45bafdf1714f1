using System.Diagnostics;
using System.Globalization;
using VirtualServices.Cli.Demo;

namespace VirtualServices.Bench.Network;

/// <summary>What one arm of <see cref="NetworkIsolation"/> saw.</summary>
/// <param name="Name">Name of the arm.</param>
/// <param name="Rate">What the victim asks, per second.</param>
internal sealed record NetworkArm(string Name, int Rate)
{
    /// <summary>The tenant with small replies.</summary>
    public Measurement Victim { get; } = new();

    /// <summary>Payload of the other one's, bits per second in each window.</summary>
    public List<double> Bulk { get; } = [];

    /// <summary>Part of the link that was used in each window.</summary>
    public List<double> Used { get; } = [];

    /// <summary>p99 of the victim, ms.</summary>
    public double P99 => Victim.Quantile(0.99);
}

/// <summary>A tenant's bulk transfer by a shared server next to another one's small replies: that one alone, both without virtual services, both with. The victim keeps its connections through all arms.</summary>
internal static class NetworkIsolation
{
    private const int Victim = 1, Aggressor = 0;
    private const double Steady = 0.2;
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(2), Skip = TimeSpan.FromSeconds(1), Probe = TimeSpan.FromSeconds(0.5), Patience = TimeSpan.FromSeconds(15);

    /// <summary>Measures the three arms.</summary>
    public static async Task<NetworkArm[]> CompareAsync(SharedLink link, Question bulk, Question small, int rounds, TimeSpan window, TextWriter progress, CancellationToken cancel)
    {
        int rate = small.Rate!.Value;
        NetworkArm alone = new("alone", rate), nothing = new("nothing", rate), governed = new("virtual services", rate);
        List<(NetworkArm Arm, DateTime From, DateTime To)> windows = [];
        await link.WriteRulesAsync(cancel, ("{ weight: 100 }", null), ("{ weight: 100 }", null));
        using AskLoad victim = link.Ask(Victim, small, timed: true);
        for (int round = 0; round < rounds; round++)
        {
            await progress.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"round {round + 1} of {rounds}"));
            await link.ShapeAsync(cancel);
            await WindowAsync(alone, []);
            double usual = await BytesAsync();
            using AskLoad aggressor = link.Ask(Aggressor, bulk); // anew: a client that is only halted goes on to be sent what it asked for
            await WindowAsync(nothing, aggressor);
            await link.FreeAsync(cancel);
            await using Enforcer enforcer = await Enforcer.StartAsync(link.Rules, cancel);
            await Task.Delay(Settle, cancel);

            // What waited in the old discipline is dropped with it, and comes again only after a time-out that has grown with that queue, up to seconds. Whom the classes do not help never gets its usual rate, and is measured as it is.
            for (long began = Stopwatch.GetTimestamp(); Math.Abs((await BytesAsync() / usual) - 1) >= Steady && Stopwatch.GetElapsedTime(began) < Patience;) { }
            await WindowAsync(governed, aggressor);
            await enforcer.StopAsync(cancel);
            await aggressor.StopAsync(cancel);
        }

        IReadOnlyList<Transaction> steady = await victim.StopAsync(cancel);
        foreach ((NetworkArm arm, DateTime from, DateTime to) in windows) arm.Victim.Add(steady, from, to, 1);
        return [alone, nothing, governed];

        async Task<double> BytesAsync()
        {
            long before = victim.Bytes;
            await Task.Delay(Probe, cancel);
            return victim.Bytes - before;
        }

        async Task WindowAsync(NetworkArm arm, params AskLoad[] beside)
        {
            await Task.Delay(Skip, cancel);
            LinkWindow seen = await LinkWindow.MeasureAsync(link, window, cancel, beside);
            victim.ThrowIfEnded();
            if (beside is not []) arm.Bulk.Add(seen.BitsPerSecond(0));
            arm.Used.Add(seen.Used);
            windows.Add((arm, seen.From, seen.To));
        }
    }
}
