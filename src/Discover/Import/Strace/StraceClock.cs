using System.Globalization;

namespace VirtualServices.Discover.Import.Strace;

/// <summary>Times of one strace file as ns, whichever of -t, -tt, -ttt, -r or none made it.</summary>
internal sealed class StraceClock
{
    /// <summary>A file without times: lines are a microsecond apart, so that their order is kept.</summary>
    private const long StepNs = 1000;

    private const long DayNs = 86_400_000_000_000, SecondNs = 1_000_000_000;
    private const long FirstEpochSeconds = 100_000_000; // below it a number of seconds is a difference (-r), above a time since 1970
    private long _lastNs = -1;
    private long _days;
    private long _ofDayNs;

    /// <summary>The file has lines without a time.</summary>
    internal bool Timeless { get; private set; }

    /// <summary>The file has times of whole seconds, or none.</summary>
    internal bool Coarse { get; private set; }

    /// <summary>Reads a time; false where it is none.</summary>
    internal bool TryRead(ReadOnlySpan<char> text, out long ns)
    {
        ns = 0;
        if (text.IsEmpty)
        {
            Timeless = Coarse = true;
            ns = _lastNs = Math.Max(_lastNs, 0) + StepNs;
            return true;
        }

        if (text.Contains(':')) return TryOfDay(text, out ns);
        if (!TrySeconds(text, out long seconds, out long part)) return false;
        if (seconds >= FirstEpochSeconds) ns = (seconds * SecondNs) + part;
        else ns = Math.Max(_lastNs, 0) + (seconds * SecondNs) + part;
        _lastNs = ns;
        return true;
    }

    private bool TryOfDay(ReadOnlySpan<char> text, out long ns)
    {
        ns = 0;
        if (text.Length < 8 || text[2] != ':' || text[5] != ':') return false;
        if (!TryNumber(text[..2], 23, out long hours) || !TryNumber(text[3..5], 59, out long minutes) || !TrySeconds(text[6..], out long seconds, out long part) || seconds > 60) return false;
        bool whole = text.Length == 8;
        Coarse |= whole;
        long ofDay = (((hours * 60) + minutes) * 60 * SecondNs) + (seconds * SecondNs) + part;
        if (_ofDayNs - ofDay > DayNs / 2) _days++; // midnight
        _ofDayNs = ofDay;
        ns = (_days * DayNs) + ofDay;
        if (whole && ns <= _lastNs && _lastNs - ns < SecondNs) ns = _lastNs + StepNs; // within the second the order of the lines counts
        _lastNs = Math.Max(_lastNs, ns);
        return true;
    }

    private static bool TryNumber(ReadOnlySpan<char> text, long most, out long value)
        => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value <= most;

    /// <summary>Seconds with up to nine digits behind the point.</summary>
    internal static bool TrySeconds(ReadOnlySpan<char> text, out long seconds, out long ns)
    {
        ns = 0;
        int point = text.IndexOf('.');
        ReadOnlySpan<char> whole = point < 0 ? text : text[..point];
        if (!TryNumber(whole, 9_000_000_000, out seconds)) return false;
        if (point < 0) return true;
        ReadOnlySpan<char> part = text[(point + 1)..];
        if (part.Length is 0 or > 9 || !TryNumber(part, long.MaxValue, out ns)) return false;
        for (int digits = part.Length; digits < 9; digits++) ns *= 10;
        return true;
    }
}
