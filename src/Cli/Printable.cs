namespace VirtualServices.Cli;

/// <summary>Text from outside, such as names of processes, made harmless for a terminal.</summary>
internal static class Printable
{
    /// <summary>Control characters, which could steer the terminal, become '?'.</summary>
    public static string Text(string text)
    {
        if (!text.Any(char.IsControl)) return text;
        return string.Create(text.Length, text, static (to, from) =>
        {
            for (int i = 0; i < from.Length; i++) to[i] = char.IsControl(from[i]) ? '?' : from[i];
        });
    }
}
