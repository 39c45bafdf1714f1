using System.Diagnostics;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Recording;

/// <summary>The clock of the kernel's time stamps.</summary>
internal static class HostClock
{
    /// <summary>CLOCK_MONOTONIC, which .NET's stopwatch reads on Linux.</summary>
    internal static long MonotonicNs() => (long)(Stopwatch.GetTimestamp() * (1e9m / Stopwatch.Frequency));

    /// <summary>A session clock that starts now. UTC is read between two looks at the clock; the closest of several pairs counts.</summary>
    internal static SessionClock Now()
    {
        long best = long.MaxValue, offset = 0, start = 0;
        for (int attempt = 0; attempt < 5; attempt++)
        {
            long before = MonotonicNs();
            long utc = (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;
            long after = MonotonicNs();
            if (after - before >= best) continue;
            best = after - before;
            start = before + best / 2;
            offset = utc - start;
        }

        return new SessionClock("CLOCK_MONOTONIC", start, 0, offset);
    }
}
