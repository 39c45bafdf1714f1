namespace VirtualServices.Cli.Demo;

/// <summary>
/// Transactions of one tenant that ended within the measured windows of an arm. Each figure is the median of the windows': the speed of a shared machine drifts, and one window in a bad moment
/// would otherwise decide the p99 of the arm.
/// </summary>
internal sealed class Measurement
{
    private readonly List<(double[] Sorted, TimeSpan Time, double Speed)> _windows = [];

    /// <summary>Transactions per second that were answered; 0 where nothing was measured.</summary>
    public double Rate => _windows.Count == 0 ? 0 : Median(_windows.Select(window => Answered(window.Sorted) / window.Time.TotalSeconds));

    /// <summary>Rate divided by what the machine was up to meanwhile (<see cref="MachineSpeed"/>), so that windows of a faster and a slower machine can be compared; 0 where nothing was measured.</summary>
    public double RateAtEqualSpeed => _windows.Count == 0 ? 0 : Median(_windows.Select(window => Answered(window.Sorted) / window.Time.TotalSeconds / window.Speed));

    /// <summary>What the machine was up to meanwhile, in the unit that was given with the windows; NaN where nothing was measured.</summary>
    public double Speed => _windows.Count == 0 ? double.NaN : Median(_windows.Select(window => window.Speed));

    /// <summary>How many, over all windows.</summary>
    public int Count => _windows.Sum(window => window.Sorted.Length);

    /// <summary>Adds the transactions of a window, and what the machine was up to in it: transactions of that size per time, in a unit that all windows share.</summary>
    public void Add(IEnumerable<Transaction> transactions, DateTime from, DateTime to, double speed) =>
        _windows.Add(([.. transactions.Where(one => one.End >= from && one.End < to).Select(one => one.LatencyMs).Order()], to - from, speed));

    /// <summary>Latency that the given part of a window's transactions does not exceed (nearest rank), ms; a window without any counts as infinite; NaN where nothing was measured.</summary>
    public double Quantile(double part) => _windows.Count == 0 ? double.NaN : Median(_windows.Select(window => Quantile(window.Sorted, part)));

    // What was lost has an infinite latency.
    private static int Answered(double[] sorted) => Array.FindLastIndex(sorted, double.IsFinite) + 1;

    private static double Quantile(double[] sorted, double part) =>
        sorted.Length == 0 ? double.PositiveInfinity : sorted[Math.Clamp((int)Math.Ceiling(part * sorted.Length) - 1, 0, sorted.Length - 1)];

    /// <summary>The middle of the values, or the mean of the two in the middle; there must be one.</summary>
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
