using System.Globalization;

namespace VirtualServices.Cli.Demo;

/// <summary>One part of what the product promises, held against what was measured.</summary>
/// <param name="Holds">Whether it holds.</param>
/// <param name="Text">What was promised and what was measured.</param>
internal sealed record Promise(bool Holds, string Text)
{
    // The generator must prove its rate before anything else means something.
    private const double LeastOfTargetRate = 0.95;
    private const double MostOfAlone = 2.5;
    private const double LeastGain = 10;
    private const double LeastAggressorKeeps = 0.90;
    private const double LeastChargedRight = 0.97;

    /// <summary>Holds the three arms against the promise.</summary>
    public static IReadOnlyList<Promise> Examine(ArmResult alone, ArmResult cgroups, ArmResult virtualServices, double chargedRight)
    {
        double reached = alone.Victim.Rate / alone.TargetRate;
        double ofAlone = virtualServices.P99 / alone.P99;
        double gain = cgroups.P99 / virtualServices.P99;
        AggressorKeeps keeps = AggressorKeeps.Of(cgroups, virtualServices);
        return
        [
            new(reached >= LeastOfTargetRate, Say($"valid run: the victim alone reaches {reached:P1} of its target rate, needed {LeastOfTargetRate:P0}")),
            new(ofAlone <= MostOfAlone, Say($"victim p99 with virtual services is {ofAlone:F2} times that alone, promised at most {MostOfAlone}")),
            new(gain >= LeastGain, Say($"victim p99 with virtual services is {gain:F0} times better than with cgroups alone, promised at least {LeastGain:F0}")),
            new(keeps.AtEqualSpeed >= LeastAggressorKeeps, Say($"the aggressor keeps {keeps.AtEqualSpeed:P1} of its rate under cgroups alone (at equal speed of the machine; raw {keeps.Raw:P1}), promised at least {LeastAggressorKeeps:P0}")),
            new(chargedRight >= LeastChargedRight, Say($"{chargedRight:P2} of the tenants' PostgreSQL CPU is charged to the right virtual service, promised at least {LeastChargedRight:P0}")),
        ];
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture).Replace(" %", "%", StringComparison.Ordinal);
}
