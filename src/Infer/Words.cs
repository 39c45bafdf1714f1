using System.Globalization;
using System.Text;

namespace VirtualServices.Infer;

/// <summary>Text from recordings is hostile: anybody may choose a process name.</summary>
internal static class Words
{
    private const int Longest = 120;

    /// <summary>Takes out control and format characters (line breaks, direction marks) and cuts long text.</summary>
    public static string Clean(string text) => Printable(text, Longest);

    /// <summary>Takes out control and format characters, cuts after so many characters.</summary>
    public static string Printable(string text, int longest = int.MaxValue)
    {
        var clean = new StringBuilder(Math.Min(text.Length, longest));
        foreach (char c in text)
        {
            if (clean.Length == longest) return clean.Append('…').ToString();
            UnicodeCategory category = char.GetUnicodeCategory(c);
            clean.Append(category is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator ? '?' : c);
        }

        return clean.ToString();
    }

    /// <summary>A count with its noun.</summary>
    public static string Count(long count, string one, string many) =>
        string.Create(CultureInfo.InvariantCulture, $"{count:N0} {(count == 1 ? one : many)}");

    /// <summary>A time that a person can read: <c>1.24 s</c>, <c>310 ms</c>, <c>12 µs</c>.</summary>
    public static string Time(double ns) => ns switch
    {
        >= 1e9 => string.Create(CultureInfo.InvariantCulture, $"{ns / 1e9:N2} s"),
        >= 1e6 => string.Create(CultureInfo.InvariantCulture, $"{ns / 1e6:0.#} ms"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{ns / 1e3:0.#} µs"),
    };

    /// <summary>A part in percent; never rounded up to 100 or down to 0.</summary>
    public static string Percent(double part)
    {
        if (double.IsNaN(part)) return "–";
        double percent = part * 100;
        if (percent is > 99.9 and < 100) return ">99.9 %";
        if (percent is > 0 and < 0.1) return "<0.1 %";
        return string.Create(CultureInfo.InvariantCulture, $"{percent:0.#} %");
    }
}
