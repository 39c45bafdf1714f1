namespace VirtualServices.Training.Simulation;

/// <summary>Shape of a delay's distribution.</summary>
internal enum DelayShape
{
    /// <summary>Nearly always the same.</summary>
    Steady,

    Exponential,

    /// <summary>Skewed, as most computing is.</summary>
    LogNormal,

    /// <summary>One of two: a hit and a miss, a short and a long way.</summary>
    Bimodal,

    /// <summary>Pareto: now and then very long.</summary>
    HeavyTail,
}

/// <summary>How long something takes.</summary>
/// <param name="Shape">Its distribution.</param>
/// <param name="MedianNs">Its scale, ns.</param>
/// <param name="Spread">Log-normal and bimodal: standard deviation of the log. Heavy tail: exponent.</param>
/// <param name="Other">Bimodal: factor of the other mode.</param>
/// <param name="OtherShare">Bimodal: share of the other mode.</param>
internal sealed record Delay(DelayShape Shape, double MedianNs, double Spread = 0, double Other = 1, double OtherShare = 0)
{
    /// <summary>Nothing takes longer than this many medians: a simulation must end.</summary>
    private const double Longest = 300;

    public static readonly Delay None = new(DelayShape.Steady, 0);

    public long Draw(Dice dice)
    {
        double ns = Shape switch
        {
            DelayShape.Steady => MedianNs * (1 + 0.02 * dice.Part()),
            DelayShape.Exponential => dice.Exponential(MedianNs / Math.Log(2)),
            DelayShape.LogNormal => MedianNs * Math.Exp(Spread * dice.Normal()),
            DelayShape.Bimodal => MedianNs * (dice.Chance(OtherShare) ? Other : 1) * Math.Exp(Spread * dice.Normal()),
            _ => MedianNs * Math.Pow(2 * (1 - dice.Part()), -1 / Spread),
        };
        return (long)Math.Min(ns, MedianNs * Longest);
    }

    /// <summary>Some delay around a median.</summary>
    public static Delay Any(Dice dice, double medianNs) => dice.Pick(Enum.GetValues<DelayShape>()) switch
    {
        DelayShape.LogNormal => new Delay(DelayShape.LogNormal, medianNs, dice.Between(0.2, 1.2)),
        DelayShape.Bimodal => new Delay(DelayShape.Bimodal, medianNs, dice.Between(0.1, 0.5), dice.Octaves(3, 40), dice.Between(0.05, 0.5)),
        DelayShape.HeavyTail => new Delay(DelayShape.HeavyTail, medianNs, dice.Between(1.2, 3)),
        DelayShape shape => new Delay(shape, medianNs),
    };
}
