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

    /// <summary>Direct children of a process.</summary>
    public static int[] ChildrenOf(int pid) =>
        [.. (Read($"/proc/{pid}/task/{pid}/children") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(child => int.Parse(child, CultureInfo.InvariantCulture))];

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
