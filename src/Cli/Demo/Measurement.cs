namespace VirtualServices.Cli.Demo;

/// <summary>Transactions of one tenant that ended within the measured windows of an arm, pooled over its slices.</summary>
internal sealed class Measurement
{
    private readonly List<double> _latencies = [];
    private TimeSpan _time;

    /// <summary>Transactions per second.</summary>
    public double Rate => _time > TimeSpan.Zero ? _latencies.Count / _time.TotalSeconds : 0;

    /// <summary>How many.</summary>
    public int Count => _latencies.Count;

    /// <summary>Adds those of a slice.</summary>
    public void Add(IEnumerable<Transaction> transactions, DateTime from, DateTime to)
    {
        _latencies.AddRange(transactions.Where(one => one.End >= from && one.End < to).Select(one => one.LatencyMs));
        _time += to - from;
    }

    /// <summary>Latency that the given part of the transactions does not exceed (nearest rank), ms; NaN where there is none.</summary>
    public double Quantile(double part)
    {
        if (_latencies.Count == 0) return double.NaN;
        double[] sorted = [.. _latencies.Order()];
        return sorted[Math.Clamp((int)Math.Ceiling(part * sorted.Length) - 1, 0, sorted.Length - 1)];
    }
}
