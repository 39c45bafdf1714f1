using System.Globalization;

namespace VirtualServices.Cli.Demo;

/// <summary>The few facts about processes that the demo checks the product against, read without the product's own code.</summary>
internal static class Procfs
{
    /// <summary>CPU time of a process' main thread in ns (a PostgreSQL backend has one thread), or null where it has ended.</summary>
    public static long? CpuNs(int pid) =>
        Read($"/proc/{pid}/schedstat") is { } text ? long.Parse(text.AsSpan(0, text.IndexOf(' ', StringComparison.Ordinal)), CultureInfo.InvariantCulture) : null;

    /// <summary>The kernel's name of a process, or null where it has ended.</summary>
    public static string? CommandOf(int pid) => Read($"/proc/{pid}/comm")?.TrimEnd();

    /// <summary>The arguments a process was started with, each ended by a zero byte, or null where it has ended.</summary>
    public static string? ArgumentsOf(int pid) => Read($"/proc/{pid}/cmdline");

    /// <summary>Direct children of a process, whichever of its threads started them.</summary>
    public static int[] ChildrenOf(int pid) =>
        [.. ThreadsOf(pid).SelectMany(thread => (Read($"{thread}/children") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            .Select(child => int.Parse(child, CultureInfo.InvariantCulture))];

    private static string[] ThreadsOf(int pid)
    {
        try
        {
            return Directory.GetDirectories($"/proc/{pid}/task");
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
    }

    private static string? Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException || (e is IOException && e.HResult == NoSuchProcess))
        {
            return null; // the process has ended
        }
    }

    private const int NoSuchProcess = 3; // ESRCH, which .NET keeps in HResult
}
