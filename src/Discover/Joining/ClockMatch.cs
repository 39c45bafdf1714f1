namespace VirtualServices.Discover.Joining;

/// <summary>
/// The distance between the clocks of two hosts over time, from packets that both saw. Those that go one way show it too large by their way's delay, those that come back too small by theirs:
/// it lies in the middle of the fastest of both, as in NTP. The clocks drift apart, so each second has a distance of its own.
/// </summary>
internal sealed class ClockMatch
{
    private const long WindowNs = 1_000_000_000;
    private readonly List<(long TimeNs, long DistanceNs)> _points = [];

    private ClockMatch()
    {
    }

    /// <summary>Seconds for which the distance was measured.</summary>
    internal int Points => _points.Count;

    /// <summary>Compares the packets of two sessions.</summary>
    /// <param name="reference">Session whose clock is kept.</param>
    /// <param name="other">Session whose times are to be told in it.</param>
    internal static ClockMatch Of(StreamIndex reference, StreamIndex other)
    {
        SortedDictionary<long, Dictionary<(ulong, ulong, ulong, ulong), Ways>> windows = [];
        foreach ((PacketId packet, long timeNs) in other.Samples)
        {
            if (!reference.Samples.TryGetValue(packet, out long there)) continue;
            long window = timeNs / WindowNs;
            if (!windows.TryGetValue(window, out Dictionary<(ulong, ulong, ulong, ulong), Ways>? hosts)) windows.Add(window, hosts = []);
            bool up = (packet.From.High, packet.From.Low).CompareTo((packet.To.High, packet.To.Low)) <= 0;
            var key = up ? (packet.From.High, packet.From.Low, packet.To.High, packet.To.Low) : (packet.To.High, packet.To.Low, packet.From.High, packet.From.Low);
            if (!hosts.TryGetValue(key, out Ways? ways)) hosts.Add(key, ways = new Ways());
            (up ? ways.Up : ways.Down).Add(there - timeNs);
        }

        ClockMatch match = new();
        foreach ((long window, Dictionary<(ulong, ulong, ulong, ulong), Ways> hosts) in windows)
        {
            long[] middles = [.. hosts.Values.Where(ways => ways.Up.Any && ways.Down.Any).Select(ways => ways.Middle())];
            if (middles.Length > 0) match._points.Add(((window * WindowNs) + (WindowNs / 2), middles[0] + (long)middles.Average(middle => middle - middles[0])));
        }

        return match;
    }

    /// <summary>A time of the other session in the reference's clock: between two measured seconds the distance changes evenly, beyond them it stays.</summary>
    internal long ToReference(long timeNs)
    {
        int after = _points.BinarySearch((timeNs, long.MinValue));
        if (after < 0) after = ~after;
        if (after == 0) return timeNs + _points[0].DistanceNs;
        if (after == _points.Count) return timeNs + _points[^1].DistanceNs;
        (long earlier, long from) = _points[after - 1];
        (long later, long to) = _points[after];
        return timeNs + from + (long)((double)(to - from) * (timeNs - earlier) / (later - earlier));
    }

    /// <summary>Distances that packets between two hosts showed, each way.</summary>
    private sealed class Ways
    {
        internal Distances Up { get; } = new();

        internal Distances Down { get; } = new();

        internal long Middle()
        {
            (Distances large, Distances small) = Up.Mean >= Down.Mean ? (Up, Down) : (Down, Up);
            return small.Most + ((large.Least - small.Most) / 2);
        }
    }

    private sealed class Distances
    {
        private double _sum;
        private long _count, _first;

        internal bool Any => _count > 0;

        internal double Mean => _first + (_sum / _count);

        internal long Least { get; private set; } = long.MaxValue;

        internal long Most { get; private set; } = long.MinValue;

        internal void Add(long distance)
        {
            if (_count++ == 0) _first = distance;
            _sum += distance - _first; // the clocks of two hosts may be years apart
            Least = Math.Min(Least, distance);
            Most = Math.Max(Most, distance);
        }
    }
}
