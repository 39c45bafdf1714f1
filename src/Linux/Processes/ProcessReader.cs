using System.Globalization;
using System.Text;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Linux.Processes;

/// <summary>Reads one process from procfs.</summary>
internal static class ProcessReader
{
    // USER_HZ, the unit of times in /proc/PID/stat: 100 on every architecture that .NET runs on.
    private const long NanosecondsPerTick = 1_000_000_000 / 100;
    private const int CommandLineCharacters = 200;

    /// <summary>Reads a process; null where it is gone.</summary>
    internal static ProcessRecord? Read(int pid)
    {
        string? stat = Procfs.ReadText(pid, "stat");
        string? status = Procfs.ReadText(pid, "status");
        if (stat is null || status is null || !TryParseStat(stat, out string comm, out int parent, out long start)) return null;
        string cgroup = ParseCgroup(Procfs.ReadText(pid, "cgroup") ?? "");
        return new ProcessRecord(
            pid,
            parent,
            comm,
            ReadExe(pid),
            ParseCommandLine(Procfs.ReadText(pid, "cmdline") ?? ""),
            cgroup,
            ParseUnit(cgroup),
            ParseUid(status),
            start,
            "");
    }

    /// <summary>Fields of /proc/PID/stat: the name stands in parentheses and may itself hold blanks and parentheses.</summary>
    internal static bool TryParseStat(string stat, out string comm, out int parent, out long startNs)
    {
        comm = "";
        parent = 0;
        startNs = 0;
        int open = stat.IndexOf('(', StringComparison.Ordinal);
        int close = stat.LastIndexOf(')');
        if (open < 0 || close < open) return false;
        comm = stat[(open + 1)..close];

        // After the name: state (field 3), parent (4) ... start time (22).
        string[] fields = stat[(close + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length < 20 || !int.TryParse(fields[1], CultureInfo.InvariantCulture, out parent) || !long.TryParse(fields[19], CultureInfo.InvariantCulture, out long ticks)) return false;
        startNs = ticks * NanosecondsPerTick;
        return true;
    }

    /// <summary>The unified path, or systemd's, or that of the cpu hierarchy: the first that is not the root.</summary>
    internal static string ParseCgroup(string text)
    {
        string unified = "", systemd = "", cpu = "";
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = line.Split(':', 3);
            if (parts.Length != 3) continue;
            if (parts[0] == "0" && parts[1].Length == 0) unified = parts[2];
            else if (parts[1] == "name=systemd") systemd = parts[2];
            else if (parts[1].Split(',').Contains("cpu")) cpu = parts[2];
        }

        foreach (string path in (ReadOnlySpan<string>)[unified, systemd, cpu])
            if (path.Length > 1) return path;
        return "/";
    }

    /// <summary>The innermost systemd unit that holds processes: a service or a scope; slices only hold other units.</summary>
    internal static string ParseUnit(string cgroup)
    {
        foreach (string part in cgroup.Split('/').Reverse())
            if (part.EndsWith(".service", StringComparison.Ordinal) || part.EndsWith(".scope", StringComparison.Ordinal)) return part;
        return "";
    }

    private static string ReadExe(int pid)
    {
        const string Deleted = " (deleted)";
        string exe = Procfs.ReadLink(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/exe")) ?? "";
        return exe.EndsWith(Deleted, StringComparison.Ordinal) ? exe[..^Deleted.Length] : exe;
    }

    private static string ParseCommandLine(string text)
    {
        // Arguments end with NUL; a title that the process set itself (PostgreSQL) is padded with NULs.
        string trimmed = text.TrimEnd('\0').Replace('\0', ' ');
        if (trimmed.Length > CommandLineCharacters) trimmed = trimmed[..CommandLineCharacters];
        StringBuilder clean = new(trimmed.Length);
        foreach (char c in trimmed) clean.Append(char.IsControl(c) || char.IsSurrogate(c) ? '?' : c);
        return clean.ToString().TrimEnd();
    }

    /// <summary>The real user id, as <c>uid</c> selectors mean it: a program that is setuid works for whoever started it.</summary>
    internal static uint ParseUid(string status)
    {
        // "Uid:\treal\teffective\tsaved\tfilesystem"
        int at = status.IndexOf("\nUid:", StringComparison.Ordinal);
        if (at < 0) return uint.MaxValue;
        int end = status.IndexOf('\n', at + 1);
        string[] ids = status[(at + 5)..(end < 0 ? status.Length : end)].Split('\t', StringSplitOptions.RemoveEmptyEntries);
        return ids.Length > 0 && uint.TryParse(ids[0], CultureInfo.InvariantCulture, out uint uid) ? uid : uint.MaxValue;
    }
}
