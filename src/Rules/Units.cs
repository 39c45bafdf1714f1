using System.Globalization;

namespace VirtualServices.Rules;

/// <summary>Quantities with their required unit, as rule files and the command line write them. Units are lower case.</summary>
public static class Units
{
    private static readonly (string Unit, decimal Factor)[] Rates = [("tbit", 1e12m), ("gbit", 1e9m), ("mbit", 1e6m), ("kbit", 1e3m), ("bit", 1m)];

    private static readonly (string Unit, decimal Factor)[] Sizes =
        [("tib", 1099511627776m), ("gib", 1073741824m), ("mib", 1048576m), ("kib", 1024m), ("gb", 1e9m), ("mb", 1e6m), ("kb", 1e3m), ("b", 1m)];

    private static readonly (string Unit, decimal Factor)[] Times = [("ms", 1e4m), ("us", 10m), ("s", 1e7m), ("m", 60e7m), ("h", 3600e7m)];

    /// <summary>What <see cref="TryParseRate"/> expects, for messages.</summary>
    public const string RateExpected = "a rate with its unit (bit, kbit, mbit, gbit, tbit) such as 300mbit, from 1bit to 9223372tbit";

    /// <summary>What <see cref="TryParseSize"/> expects, for messages.</summary>
    public const string SizeExpected = "a size with its unit (b, kb, mb, gb, kib, mib, gib, tib) such as 4mib";

    /// <summary>What <see cref="TryParseDuration"/> expects, for messages.</summary>
    public const string DurationExpected = "a time with its unit (us, ms, s, m, h) such as 30s";

    /// <summary>Reads a rate above zero in bits per second (decimal prefixes): <c>300mbit</c>, <c>1.5gbit</c>.</summary>
    public static bool TryParseRate(string text, out long bitsPerSecond) => TryParse(text, Rates, out bitsPerSecond);

    /// <summary>Reads a size above zero in bytes: <c>4mib</c> (binary), <c>4mb</c> (decimal).</summary>
    public static bool TryParseSize(string text, out long bytes) => TryParse(text, Sizes, out bytes);

    /// <summary>Reads a time above zero: <c>30s</c>, <c>5ms</c>, <c>1.5h</c>.</summary>
    public static bool TryParseDuration(string text, out TimeSpan duration)
    {
        bool ok = TryParse(text, Times, out long ticks);
        duration = new TimeSpan(ticks);
        return ok;
    }

    /// <summary>Writes a rate with the largest unit that needs no fraction.</summary>
    public static string FormatRate(long bitsPerSecond)
    {
        foreach ((string unit, decimal factor) in Rates)
        {
            if (bitsPerSecond % (long)factor == 0) return string.Create(CultureInfo.InvariantCulture, $"{bitsPerSecond / (long)factor}{unit}");
        }

        throw new ArgumentOutOfRangeException(nameof(bitsPerSecond));
    }

    private static bool TryParse(string text, (string Unit, decimal Factor)[] units, out long value)
    {
        ArgumentNullException.ThrowIfNull(text);
        value = 0;
        int split = text.AsSpan().LastIndexOfAnyInRange('0', '9') + 1;
        if (split == 0) return false;
        ReadOnlySpan<char> unit = text.AsSpan(split);
        foreach ((string name, decimal factor) in units)
        {
            if (!unit.SequenceEqual(name)) continue;
            if (!decimal.TryParse(text.AsSpan(0, split), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number)) return false;
            if (number <= 0 || number > long.MaxValue / factor) return false;
            decimal product = number * factor;
            value = (long)product;
            return value > 0 && value == product;
        }

        return false;
    }
}
