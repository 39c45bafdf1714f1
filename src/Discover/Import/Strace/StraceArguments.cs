using System.Globalization;

namespace VirtualServices.Discover.Import.Strace;

/// <summary>Splits what stands behind a call's name: arguments, result, the descriptor's label in the result, duration. Text in quotes is never taken for anything else.</summary>
internal ref struct StraceArguments
{
    private const int Most = 8;
    private readonly ReadOnlySpan<char> _text;
    private Ranges _ranges;

    private StraceArguments(ReadOnlySpan<char> text) => _text = text;

    /// <summary>Arguments, of which the first eight are kept.</summary>
    internal int Count { get; private set; }

    /// <summary>Result, negative (an errno) for an error.</summary>
    internal long Result { get; private set; }

    /// <summary>False for <c>= ?</c>: the call never returned.</summary>
    internal bool Returned { get; private set; }

    /// <summary>What stands in angle brackets behind the result, empty for nothing.</summary>
    internal ReadOnlySpan<char> ResultLabel { get; private set; }

    /// <summary>ns, -1 where the line has none.</summary>
    internal long DurationNs { get; private set; }

    internal readonly ReadOnlySpan<char> this[int index] => index < Count ? _text[_ranges[index]] : [];

    /// <summary>Reads; false where brackets or quotes do not close, or there is no result.</summary>
    internal static bool TryRead(ReadOnlySpan<char> text, out StraceArguments arguments)
    {
        arguments = new StraceArguments(text) { DurationNs = -1 };
        int start = 0, depth = 0;
        for (int at = 0; at < text.Length; at++)
        {
            switch (text[at])
            {
                case '"':
                    at = Quote.End(text, at);
                    if (at < 0) return false;
                    break;
                case '<' when at > 0 && (char.IsAsciiDigit(text[at - 1]) || text[at - 1] == 'D'):
                    at = Label.End(text, at);
                    if (at < 0) return false;
                    break;
                case '(' or '[' or '{':
                    depth++;
                    break;
                case ')' when depth == 0:
                    arguments.Add(start, at);
                    return arguments.ReadResult(text[(at + 1)..]);
                case ')' or ']' or '}':
                    depth--;
                    break;
                case ',' when depth == 0:
                    arguments.Add(start, at);
                    start = at + 1;
                    break;
            }
        }

        return false;
    }

    private void Add(int start, int end)
    {
        while (start < end && _text[start] == ' ') start++;
        if (Count == Most || start == end) return;
        _ranges[Count++] = start..end;
    }

    private bool ReadResult(ReadOnlySpan<char> rest)
    {
        rest = rest.TrimStart(' ');
        if (!rest.StartsWith("= ")) return false;
        rest = rest[2..];
        ReadDuration(ref rest);
        if (rest.StartsWith("?")) return true;
        int length = rest.StartsWith("-") ? 1 : 0;
        bool hexadecimal = rest.StartsWith("0x");
        if (hexadecimal) length = 2;
        while (length < rest.Length && (hexadecimal ? char.IsAsciiHexDigit(rest[length]) : char.IsAsciiDigit(rest[length]))) length++;
        long result;
        if (hexadecimal ? !long.TryParse(rest[2..length], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out result) : !long.TryParse(rest[..length], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out result)) return false;
        ReadOnlySpan<char> behind = rest[length..];
        if (behind.StartsWith("<"))
        {
            int end = Label.End(behind, 0);
            if (end < 0) return false;
            ResultLabel = behind[1..end];
        }

        Returned = true;
        Result = result == -1 ? -Errno.Of(behind.TrimStart(' ')) : result;
        return true;
    }

    private void ReadDuration(ref ReadOnlySpan<char> rest)
    {
        rest = rest.TrimEnd(' ');
        if (!rest.EndsWith(">")) return;
        int open = rest.LastIndexOf(" <");
        if (open < 0 || !StraceClock.TrySeconds(rest[(open + 2)..^1], out long seconds, out long ns)) return;
        DurationNs = (seconds * 1_000_000_000) + ns;
        rest = rest[..open];
    }

    [System.Runtime.CompilerServices.InlineArray(Most)]
    private struct Ranges
    {
        private Range _first;
    }
}

/// <summary>Text in quotes.</summary>
internal static class Quote
{
    /// <summary>Position of the closing quote, -1 where there is none.</summary>
    internal static int End(ReadOnlySpan<char> text, int open)
    {
        for (int at = open + 1; at < text.Length; at++)
        {
            if (text[at] == '\\') at++;
            else if (text[at] == '"') return at;
        }

        return -1;
    }

    /// <summary>Finds a text outside quotes, -1 where it is not there.</summary>
    internal static int Find(ReadOnlySpan<char> text, ReadOnlySpan<char> wanted, int from = 0)
    {
        for (int at = from; at < text.Length; at++)
        {
            if (text[at] == '"')
            {
                at = End(text, at);
                if (at < 0) return -1;
            }
            else if (text[at..].StartsWith(wanted))
            {
                return at;
            }
        }

        return -1;
    }
}

/// <summary>What options -y and -yy put in angle brackets behind a descriptor.</summary>
internal static class Label
{
    /// <summary>Position of the closing bracket, -1 where there is none. A socket's label has an arrow inside square brackets, a file's may have a device in brackets of its own.</summary>
    internal static int End(ReadOnlySpan<char> text, int open)
    {
        int at = open + 1, square = 0, depth = 1;
        for (; at < text.Length; at++)
        {
            switch (text[at])
            {
                case '"':
                    at = Quote.End(text, at);
                    if (at < 0) return -1;
                    break;
                case '[':
                    square++;
                    break;
                case ']' when square > 0:
                    square--;
                    break;
                case '<' when square == 0:
                    depth++;
                    break;
                case '>' when square == 0 && --depth == 0:
                    return at;
            }
        }

        return -1;
    }
}

/// <summary>Errnos by name, those that matter here.</summary>
internal static class Errno
{
    private const int Other = 5; // EIO: any error

    internal static long Of(ReadOnlySpan<char> text)
    {
        int end = text.IndexOf(' ');
        return (end < 0 ? text : text[..end]) switch
        {
            "EAGAIN" => 11,
            "EINTR" => 4,
            "EINPROGRESS" => 115,
            "ECONNRESET" => 104,
            "EPIPE" => 32,
            "ECONNREFUSED" => 111,
            _ => Other,
        };
    }
}
