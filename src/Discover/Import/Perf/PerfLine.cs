using System.Globalization;
using VirtualServices.Discover.Import.Strace;

namespace VirtualServices.Discover.Import.Perf;

/// <summary>A line of <c>perf script</c>: <c>redis-server 22004/22005 [001] 3441.398892: syscalls:sys_enter_read: fd: 0x00000008, ...</c>.</summary>
internal readonly ref struct PerfLine
{
    internal ReadOnlySpan<char> Comm { get; init; }

    /// <summary>Process, 0 where the line names the thread only (perf script without <c>-F pid,tid</c>).</summary>
    internal int Pid { get; init; }

    internal int Tid { get; init; }

    internal long TimeNs { get; init; }

    /// <summary>Group and name: <c>syscalls:sys_enter_read</c>.</summary>
    internal ReadOnlySpan<char> Event { get; init; }

    /// <summary>What follows the event's name.</summary>
    internal ReadOnlySpan<char> Rest { get; init; }

    /// <summary>Reads a line; false where it is no event (a call chain, a comment).</summary>
    internal static bool TryParse(ReadOnlySpan<char> line, out PerfLine result)
    {
        result = default;
        // The name of a thread may hold anything, so the line is read from its time on, and from there to the left.
        for (int at = 0; at < line.Length; at++)
        {
            if (line[at] != ':' || !TryTime(line[..at], out int start, out long timeNs)) continue;
            if (!TryThread(line[..start], out ReadOnlySpan<char> comm, out int pid, out int tid)) continue;
            ReadOnlySpan<char> behind = line[(at + 1)..].TrimStart(' ');
            int end = behind.IndexOf(": ");
            if (end < 0 && behind.EndsWith(":")) end = behind.Length - 1;
            if (end <= 0) return false;
            ReadOnlySpan<char> name = behind[..end];
            int space = name.LastIndexOf(' '); // a period or count may stand before the event
            result = new PerfLine { Comm = comm, Pid = pid, Tid = tid, TimeNs = timeNs, Event = name[(space + 1)..], Rest = behind[Math.Min(end + 2, behind.Length)..] };
            return true;
        }

        return false;
    }

    /// <summary>A field of a system call (<c>fd: 0x00000008</c>) or of another tracepoint (<c>pid=22030</c>).</summary>
    internal static bool TryField(ReadOnlySpan<char> fields, ReadOnlySpan<char> name, out long value)
    {
        value = 0;
        return TryText(fields, name, out ReadOnlySpan<char> text) && TryNumber(text, out value);
    }

    internal static bool TryText(ReadOnlySpan<char> fields, ReadOnlySpan<char> name, out ReadOnlySpan<char> text)
    {
        text = [];
        for (int from = 0; from < fields.Length;)
        {
            int at = fields[from..].IndexOf(name);
            if (at < 0) return false;
            at += from;
            from = at + name.Length;
            if ((at > 0 && fields[at - 1] != ' ') || from >= fields.Length || fields[from] is not (':' or '=')) continue;
            ReadOnlySpan<char> behind = fields[(from + 1)..].TrimStart(' ');
            int end = behind.IndexOfAny(',', ' ');
            text = end < 0 ? behind : behind[..end];
            return true;
        }

        return false;
    }

    /// <summary>Decimal or hexadecimal; a negative result is shown as 64 bits.</summary>
    internal static bool TryNumber(ReadOnlySpan<char> text, out long value)
    {
        text = text.Trim(' ');
        return text.StartsWith("0x")
            ? long.TryParse(text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value)
            : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);
    }

    private static bool TryTime(ReadOnlySpan<char> before, out int start, out long ns)
    {
        ns = 0;
        start = before.LastIndexOf(' ') + 1;
        ReadOnlySpan<char> text = before[start..];
        if (text.IndexOf('.') <= 0 || !StraceClock.TrySeconds(text, out long seconds, out long part)) return false;
        ns = (seconds * 1_000_000_000) + part;
        return true;
    }

    private static bool TryThread(ReadOnlySpan<char> before, out ReadOnlySpan<char> comm, out int pid, out int tid)
    {
        pid = tid = 0;
        comm = before = before.TrimEnd(' ');
        if (before.EndsWith("]"))
        {
            int open = before.LastIndexOf('[');
            if (open <= 0) return false;
            before = before[..open].TrimEnd(' ');
        }

        int space = before.LastIndexOf(' ');
        if (space < 0) return false;
        ReadOnlySpan<char> ids = before[(space + 1)..];
        comm = before[..space].Trim(' ');
        int slash = ids.IndexOf('/');
        if (slash >= 0 && (!int.TryParse(ids[..slash], NumberStyles.None, CultureInfo.InvariantCulture, out pid) || pid < 0)) return false;
        return int.TryParse(ids[(slash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out tid);
    }
}
