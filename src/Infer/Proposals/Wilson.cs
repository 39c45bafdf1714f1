namespace VirtualServices.Infer.Proposals;

/// <summary>How sure a count makes: few observations make unsure, also where all agree.</summary>
internal static class Wilson
{
    private const double Z = 1.959963984540054; // 97.5 % quantile of the normal distribution: a two-sided 95 % interval

    /// <summary>Lower end of the 95 % Wilson interval of <paramref name="agreed"/> out of both; 0 without data.</summary>
    public static double LowerBound(long agreed, long contradicted)
    {
        double n = (double)agreed + contradicted;
        if (n <= 0) return 0;
        double p = agreed / n;
        double z2 = Z * Z;
        double bound = (p + z2 / (2 * n) - Z * Math.Sqrt((p * (1 - p) + z2 / (4 * n)) / n)) / (1 + z2 / n);

        // Six digits: the rule file is read by people, and the last bits may differ between processors.
        return Math.Round(Math.Clamp(bound, 0, 1), 6);
    }
}
