using System.Globalization;

namespace VirtualServices.Bench;

/// <summary>The mean of effects: logarithms of ratios of adjacent windows.</summary>
internal static class MeanEffect
{
    /// <summary>Their mean as a ratio, with its standard error. The mean, not the median: under no effect it is 0 however skewed the machine's speed is. The median of a window against its neighbours was 0.983 with nothing switched at all.</summary>
    public static string Of(double[] effects)
    {
        double effect = Math.Exp(effects.Average());
        return string.Create(CultureInfo.InvariantCulture, $"{effect:F3} ± {effect * ErrorOfMean(effects):F3}");
    }

    private static double ErrorOfMean(double[] values)
    {
        double mean = values.Average();
        return Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Length - 1) / values.Length);
    }
}
