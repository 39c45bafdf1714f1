namespace VirtualServices.Enforce.Network;

/// <summary>Splits a rate among siblings.</summary>
internal static class RateSplit
{
    /// <summary>What one sibling asks for.</summary>
    /// <param name="Weight">Above 0.</param>
    /// <param name="Assured">Least, in bits per second.</param>
    /// <param name="Max">Most, at least <paramref name="Assured"/>.</param>
    internal readonly record struct Claim(int Weight, long Assured, long Max);

    /// <summary>
    /// Each gets its weight's part, but never less than is assured nor more than its maximum; what these take or leave is made up by the others in the order of their weights
    /// (water filling). The sum is at most the rate where the assured ones fit into it.
    /// </summary>
    public static long[] Split(long bitsPerSecond, IReadOnlyList<Claim> claims)
    {
        // The level is the rate of weight 1. The sum grows with it, so halving an interval finds it.
        double low = 0, high = bitsPerSecond;
        for (int i = 0; i < 200 && low < high; i++)
        {
            double middle = low + (high - low) / 2;
            if (claims.Sum(claim => At(claim, middle)) > bitsPerSecond) high = middle;
            else low = middle;
        }

        return [.. claims.Select(claim => (long)At(claim, low))];
    }

    private static double At(Claim claim, double level) => Math.Min(claim.Max, Math.Max(claim.Assured, level * claim.Weight));
}
