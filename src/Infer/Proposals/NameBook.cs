using System.Globalization;
using System.Text;
using VirtualServices.Model;

namespace VirtualServices.Infer.Proposals;

/// <summary>Makes names that a rule file takes: letters, digits, '-', '_' and '.', beginning with a letter, at most 63 characters, each once.</summary>
/// <remarks>Names differ in more than their case, because they become folder names and are read by people. Ask in a fixed order: the second of equal names gets a number.</remarks>
internal sealed class NameBook
{
    private const int Longest = 63;
    private static readonly string[] Suffixes = [".service", ".scope", ".slice"];
    private readonly HashSet<string> _taken = new(StringComparer.OrdinalIgnoreCase) { VirtualService.BestEffort, "root" };

    public string Take(string wish)
    {
        string name = Sanitize(wish);
        if (_taken.Add(name)) return name;
        for (int number = 2; ; number++)
        {
            string suffix = string.Create(CultureInfo.InvariantCulture, $"-{number}");
            string numbered = name[..Math.Min(name.Length, Longest - suffix.Length)] + suffix;
            if (_taken.Add(numbered)) return numbered;
        }
    }

    public static string Sanitize(string wish)
    {
        foreach (string suffix in Suffixes)
        {
            if (wish.Length > suffix.Length && wish.EndsWith(suffix, StringComparison.Ordinal)) wish = wish[..^suffix.Length];
        }

        var name = new StringBuilder();
        foreach (char c in wish)
        {
            if (name.Length == Longest) break;
            if (name.Length == 0 && !char.IsAsciiLetter(c))
            {
                if (char.IsAsciiDigit(c)) name.Append("vs-").Append(c);
                continue;
            }

            name.Append(char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' ? c : '-');
        }

        string clean = name.ToString().TrimEnd('-', '.', '_');
        return clean.Length == 0 ? "tenant" : clean;
    }
}
