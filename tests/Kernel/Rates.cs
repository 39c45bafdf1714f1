using System.Diagnostics;

namespace VirtualServices.Kernel.Tests;

/// <summary>
/// What several receivers got meanwhile. Counters are read one after the other, and a busy machine may stop the reader between them: so each time is known as an interval only,
/// and a rate is judged by the end of it that is in favour.
/// </summary>
/// <param name="Bytes">Bytes that each receiver got.</param>
/// <param name="Shortest">Time between the last reading of the beginning and the first of the end.</param>
/// <param name="Longest">Time between the first reading of the beginning and the last of the end.</param>
internal sealed record Rates(long[] Bytes, TimeSpan Shortest, TimeSpan Longest)
{
    /// <summary>Reads, waits, and reads again.</summary>
    public static Rates Measure(TimeSpan time, params Sink[] sinks)
    {
        long outerFrom = Stopwatch.GetTimestamp();
        long[] before = [.. sinks.Select(sink => sink.Bytes)];
        long innerFrom = Stopwatch.GetTimestamp();
        Thread.Sleep(time); // the window of the measurement itself: nothing is waited for
        long innerTo = Stopwatch.GetTimestamp();
        long[] after = [.. sinks.Select(sink => sink.Bytes)];
        long outerTo = Stopwatch.GetTimestamp();
        return new Rates([.. after.Zip(before, (now, then) => now - then)], Stopwatch.GetElapsedTime(innerFrom, innerTo), Stopwatch.GetElapsedTime(outerFrom, outerTo));
    }

    /// <summary>Asserts that the receivers together got between <paramref name="least"/> and <paramref name="most"/> times so many bits per second.</summary>
    public void AssertInRange(double bitsPerSecond, double least, double most, params int[] receivers)
    {
        double bits = 8.0 * receivers.Sum(at => Bytes[at]);
        Assert.True(bits / Shortest.TotalSeconds >= least * bitsPerSecond, $"{bits / Shortest.TotalSeconds:F0} bit/s is less than {least} of {bitsPerSecond:F0}");
        Assert.True(bits / Longest.TotalSeconds <= most * bitsPerSecond, $"{bits / Longest.TotalSeconds:F0} bit/s is more than {most} of {bitsPerSecond:F0}");
    }
}
