using System.Globalization;

namespace VirtualServices.Discover.Import.Strace;

/// <summary>What a line of strace output is.</summary>
internal enum StraceLineKind : byte
{
    /// <summary>No strace output.</summary>
    Unknown,

    /// <summary>A call with its result.</summary>
    Call,

    /// <summary>The begin of a call that had not ended when another thread's line was printed.</summary>
    Unfinished,

    /// <summary>The rest of such a call.</summary>
    Resumed,

    /// <summary>A signal, or a remark of strace.</summary>
    Remark,

    /// <summary>A thread ended.</summary>
    Exit,
}

/// <summary>The parts of a line that stand before the call's arguments: thread, its name, time, call.</summary>
internal readonly ref struct StraceLine
{
    /// <summary>Thread, 0 where the line has none.</summary>
    internal int Tid { get; private init; }

    /// <summary>Name of the thread (option -Y), else empty.</summary>
    internal ReadOnlySpan<char> Comm { get; private init; }

    /// <summary>Time as written, empty where the line has none.</summary>
    internal ReadOnlySpan<char> Time { get; private init; }

    internal StraceLineKind Kind { get; private init; }

    /// <summary>Name of the call.</summary>
    internal ReadOnlySpan<char> Name { get; private init; }

    /// <summary>What follows: of a call its arguments without the first bracket, and the result; of a resumed one the rest.</summary>
    internal ReadOnlySpan<char> Rest { get; private init; }

    internal static StraceLine Parse(ReadOnlySpan<char> line)
    {
        ReadOnlySpan<char> rest = line.TrimStart(' ');
        int tid = Thread(ref rest, out ReadOnlySpan<char> comm);
        ReadOnlySpan<char> time = TimeOf(ref rest);
        if (time.IsEmpty) rest = rest.TrimStart(' ');
        StraceLine head = new() { Tid = tid, Comm = comm, Time = time };
        if (rest.StartsWith("+++ exited with ") || rest.StartsWith("+++ killed by ") || rest.StartsWith("+++ superseded by ")) return head with { Kind = StraceLineKind.Exit };
        if (rest.StartsWith("--- ") || rest.StartsWith("+++ ") || rest.StartsWith("strace: ")) return head with { Kind = StraceLineKind.Remark };
        if (rest.StartsWith("<... ")) return Resume(head, rest[5..]);
        int bracket = rest.IndexOf('(');
        if (bracket <= 0 || !IsName(rest[..bracket])) return head;
        ReadOnlySpan<char> arguments = rest[(bracket + 1)..].TrimEnd(' ');
        bool unfinished = arguments.EndsWith("<unfinished ...>");
        if (arguments.EndsWith("<detached ...>")) return head with { Kind = StraceLineKind.Remark };
        return head with
        {
            Kind = unfinished ? StraceLineKind.Unfinished : StraceLineKind.Call,
            Name = rest[..bracket],
            Rest = unfinished ? arguments[..^"<unfinished ...>".Length] : arguments,
        };
    }

    private static StraceLine Resume(StraceLine head, ReadOnlySpan<char> rest)
    {
        const string Mark = " resumed>";
        int end = rest.IndexOf(Mark);
        if (end <= 0 || !IsName(rest[..end])) return head;
        return head with { Kind = StraceLineKind.Resumed, Name = rest[..end], Rest = rest[(end + Mark.Length)..] };
    }

    /// <summary><c>1234</c>, <c>1234&lt;nginx&gt;</c> (-Y), <c>[pid  1234]</c> or <c>[pid  1234&lt;nginx&gt;]</c>.</summary>
    private static int Thread(scoped ref ReadOnlySpan<char> rest, out ReadOnlySpan<char> comm)
    {
        comm = [];
        ReadOnlySpan<char> text = rest;
        bool bracketed = text.StartsWith("[pid");
        if (bracketed) text = text[4..].TrimStart(' ');
        int digits = Digits(text);
        if (digits == 0 || !int.TryParse(text[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out int tid) || tid == 0) return 0;
        text = text[digits..];
        if (text.StartsWith("<") && !text.StartsWith("<..."))
        {
            int close = text.IndexOf('>');
            if (close < 0) return 0;
            comm = text[1..close];
            text = text[(close + 1)..];
        }

        char end = bracketed ? ']' : ' ';
        if (text.IsEmpty || text[0] != end) return 0;
        rest = text[1..];
        return tid;
    }

    /// <summary><c>1700000000.123456</c>, <c>14:26:02</c>, <c>14:26:02.059636</c>, or the seconds since the line before (-r).</summary>
    private static ReadOnlySpan<char> TimeOf(scoped ref ReadOnlySpan<char> rest)
    {
        ReadOnlySpan<char> text = rest.TrimStart(' ');
        int length = 0;
        while (length < text.Length && (char.IsAsciiDigit(text[length]) || text[length] is ':' or '.')) length++;
        if (length == 0 || length == text.Length || text[length] != ' ' || text[..length].IndexOfAny(':', '.') < 0) return [];
        rest = text[length..].TrimStart(' ');
        if (rest.StartsWith("(+")) // -r together with -t
        {
            int close = rest.IndexOf(')');
            if (close > 0) rest = rest[(close + 1)..].TrimStart(' ');
        }

        return text[..length];
    }

    private static int Digits(ReadOnlySpan<char> text)
    {
        int count = 0;
        while (count < text.Length && char.IsAsciiDigit(text[count])) count++;
        return count;
    }

    private static bool IsName(ReadOnlySpan<char> text)
    {
        if (text.Length > 40 || !(char.IsAsciiLetter(text[0]) || text[0] == '_')) return false;
        foreach (char c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '_') return false;
        }

        return true;
    }
}
