using System.Diagnostics.Metrics;

namespace VirtualServices.Enforce;

/// <summary>What only the enforcer can measure while it happens. Without a listener a measurement costs a comparison; with one it does not allocate.</summary>
public static class EnforcerInstruments
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "VirtualServices.Enforce";

    private static readonly Meter Meter = new(MeterName);

    /// <summary>Time from a re-bind in the kernel to the end of the move, in seconds.</summary>
    internal static Histogram<double> MoveLatency { get; } = Meter.CreateHistogram(
        "vs.enforcer.move.latency",
        "s",
        "From a re-bind in the kernel to the end of the move",
        advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [20e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 20e-3, 50e-3, 0.1, 1] });
}
