using System.Numerics;

namespace VirtualServices.Infer.Links;

/// <summary>
/// A learnt distribution of delays. Bins are an eighth of an octave wide, so that microseconds and seconds are told apart equally well; below eight ticks each
/// value has its own bin, so that clocks which only know milliseconds give exact shares of 0 ms, 1 ms and so on.
/// </summary>
/// <remarks>
/// A kernel estimate over the bins, its width by Silverman's rule, mixed with a broad floor worth <see cref="FloorCounts"/> observations: a delay that was never seen is unlikely, not impossible.
/// Bins come from the bits of the number: the same on every machine.
/// </remarks>
internal sealed class DelayDensity
{
    private const int PerOctave = 8;
    private const int Octaves = 44;
    internal const int Bins = Octaves * PerOctave;
    private const double FloorCounts = 2;

    private static readonly double[] Width = [.. Enumerable.Range(0, Bins).Select(WidthOf)];

    private readonly double[] _counts = new double[Bins];
    private readonly double[] _density = new double[Bins];
    private readonly double[] _kept = new double[Bins];
    private double _total, _keptTotal, _peak;

    public DelayDensity() => Estimate();

    /// <summary>Observations, by weight.</summary>
    public double Total => _total;

    /// <summary>Density of a delay, per tick; never 0.</summary>
    public double Of(long ticks) => _density[BinOf(ticks)];

    /// <summary>Density of a delay that was itself observed, as it would be without it, per tick; never 0. Else a delay that nobody else has would speak for itself.</summary>
    public double Without(long ticks, double weight)
    {
        int bin = BinOf(ticks);
        double others = _density[bin] * Width[bin] * (_total + FloorCounts) - weight * _peak;
        return Math.Max(others, FloorCounts / Bins) / (Math.Max(_total - weight, 0) + FloorCounts) / Width[bin];
    }

    /// <summary>Entropy of the distribution over bins, nats: small where delays are regular.</summary>
    public double Entropy { get; private set; }

    public void Add(long ticks, double weight)
    {
        _counts[BinOf(ticks)] += weight;
        _total += weight;
    }

    /// <summary>Back to what <see cref="Keep"/> kept.</summary>
    public void Reset()
    {
        Array.Copy(_kept, _counts, Bins);
        _total = _keptTotal;
    }

    /// <summary>Keeps what is known now, at a part of its weight.</summary>
    public void Keep(double part)
    {
        for (int i = 0; i < Bins; i++) _kept[i] = _counts[i] * part;
        _keptTotal = _total * part;
    }

    /// <summary>Takes what was added into <see cref="Of"/>.</summary>
    public void Estimate()
    {
        Span<double> smooth = stackalloc double[Bins];
        smooth.Clear();
        if (_total > 0) Smooth(smooth);
        double entropy = 0;
        for (int bin = 0; bin < Bins; bin++)
        {
            double share = (smooth[bin] + FloorCounts / Bins) / (_total + FloorCounts);
            _density[bin] = share / Width[bin];
            entropy -= share * Math.Log(share);
        }

        Entropy = entropy;
    }

    /// <summary>Bin of a delay; delays below 0 (clocks that tie or step) count as 0.</summary>
    internal static int BinOf(long ticks)
    {
        ulong value = (ulong)Math.Max(ticks, 0);
        if (value < PerOctave) return (int)value;
        int octave = BitOperations.Log2(value);
        int bin = (octave - 2) * PerOctave + (int)(value >> (octave - 3)) - PerOctave;
        return Math.Min(bin, Bins - 1);
    }

    private static double WidthOf(int bin) => bin < 2 * PerOctave ? 1 : Math.Pow(2, bin / PerOctave - 1);

    private void Smooth(Span<double> smooth)
    {
        double mean = 0, square = 0;
        for (int bin = 0; bin < Bins; bin++)
        {
            mean += _counts[bin] * bin;
            square += _counts[bin] * bin * bin;
        }

        mean /= _total;
        double spread = Math.Sqrt(Math.Max(square / _total - mean * mean, 0));
        double quartiles = (QuantileBin(0.75) - QuantileBin(0.25)) / 1.34;
        if (quartiles > 0) spread = Math.Min(spread, quartiles);
        double width = Math.Clamp(0.9 * spread * Math.Pow(Math.Max(_total, 1), -0.2), 0.35, 12);
        int reach = (int)Math.Ceiling(3 * width);
        Span<double> kernel = stackalloc double[reach + 1];
        double sum = 0;
        for (int i = 0; i <= reach; i++)
        {
            kernel[i] = Math.Exp(-0.5 * i * i / (width * width));
            sum += i == 0 ? kernel[i] : 2 * kernel[i];
        }

        _peak = 1 / sum;
        for (int bin = 0; bin < Bins; bin++)
        {
            if (_counts[bin] <= 0) continue;
            double share = _counts[bin] / sum;
            for (int i = -reach; i <= reach; i++)
            {
                int at = Math.Clamp(bin + i, 0, Bins - 1);
                smooth[at] += share * kernel[Math.Abs(i)];
            }
        }
    }

    private int QuantileBin(double part)
    {
        double sum = 0;
        for (int bin = 0; bin < Bins; bin++)
        {
            sum += _counts[bin];
            if (sum >= part * _total) return bin;
        }

        return Bins - 1;
    }
}
