using CsCheck;
using VirtualServices.Enforce.Moving;

namespace VirtualServices.Enforce.Tests;

public sealed class LatencyHistogramTests
{
    [Fact]
    public void Quantiles_are_right_to_a_sixteenth() => Gen.Long[0, 2_000_000_000_000].Array[1, 200].Sample(times =>
    {
        LatencyHistogram histogram = new();
        foreach (long time in times) histogram.Add(time);
        Array.Sort(times);
        foreach (double quantile in (double[])[0.5, 0.99, 1])
        {
            long exact = times[(int)Math.Ceiling(times.Length * quantile) - 1];
            Assert.InRange(histogram.Quantile(quantile), exact * 15 / 16, exact * 17 / 16 + 1);
        }
    });

    [Fact]
    public void Merged_counts_are_the_counts_of_both()
    {
        LatencyHistogram a = new(), b = new();
        a.Add(100);
        b.Add(1_000_000);
        byte[] bytes = new byte[4096];
        b.CopyTo(bytes);
        a.Merge(bytes);
        Assert.Equal(2, a.Count);
        Assert.InRange(a.Quantile(1), 940_000, 1_060_000);
        Assert.Equal(0, new LatencyHistogram().Quantile(0.5));
    }
}
