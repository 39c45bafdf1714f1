using System.Globalization;
using System.Text;

namespace VirtualServices.Rules.Editing;

/// <summary>Writes text as a YAML scalar: plain where every YAML reader takes it for the same text, double-quoted elsewhere.</summary>
internal static class YamlText
{
    /// <summary>Words that some YAML reader takes for something else than text.</summary>
    private static readonly HashSet<string> Words = new(StringComparer.OrdinalIgnoreCase) { "null", "true", "false", "yes", "no", "on", "off", "y", "n" };

    public static string Write(string text) => IsPlain(text) ? text : Quote(text);

    /// <summary>Double-quoted, one line, ASCII control characters and line separators escaped.</summary>
    public static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            switch (c)
            {
                case '"':
                    quoted.Append("\\\"");
                    break;
                case '\\':
                    quoted.Append("\\\\");
                    break;
                case '\n':
                    quoted.Append("\\n");
                    break;
                case '\t':
                    quoted.Append("\\t");
                    break;
                case '\r':
                    quoted.Append("\\r");
                    break;
                case var _ when char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]):
                    quoted.Append(c).Append(text[++i]);
                    break;
                case var _ when char.IsSurrogate(c):
                    // Half a character cannot be written in UTF-8 at all.
                    quoted.Append('\uFFFD');
                    break;
                case var _ when char.IsControl(c) || c is '\u2028' or '\u2029' or '\uFEFF':
                    quoted.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
                    break;
                default:
                    quoted.Append(c);
                    break;
            }
        }

        return quoted.Append('"').ToString();
    }

    private static bool IsPlain(string text)
    {
        if (text.Length == 0 || Words.Contains(text)) return false;
        if (!char.IsAsciiLetter(text[0]) && text[0] != '/') return false;
        foreach (char c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.' or '/' or '+' or '@')) return false;
        }

        return true;
    }
}
