using VirtualServices.Model;

namespace VirtualServices.Cli.Demo;

/// <summary>Finds the programs that the demo starts.</summary>
internal static class Tools
{
    // Debian keeps the server's programs out of PATH, one folder per major version.
    private const string PostgresVersions = "/usr/lib/postgresql";

    /// <summary>Folder with <c>initdb</c>, <c>postgres</c>, <c>psql</c> and <c>pgbench</c>.</summary>
    /// <exception cref="VsException">PostgreSQL is not installed.</exception>
    public static string PostgresFolder()
    {
        IEnumerable<string> versions = Directory.Exists(PostgresVersions)
            ? Directory.EnumerateDirectories(PostgresVersions)
                .OrderByDescending(folder => int.TryParse(Path.GetFileName(folder), out int version) ? version : 0)
                .Select(folder => Path.Combine(folder, "bin"))
            : [];
        string[] needed = ["initdb", "postgres", "psql", "pgbench"];
        return versions.Concat(SearchPath()).FirstOrDefault(folder => needed.All(tool => File.Exists(Path.Combine(folder, tool))))
            ?? throw new VsException(ExitCode.HostLacks, "demo: PostgreSQL (initdb, postgres, psql, pgbench) is not installed: apt-get install postgresql postgresql-contrib");
    }

    /// <summary>Full path of a program in PATH.</summary>
    /// <exception cref="VsException">It is not installed.</exception>
    public static string Find(string name, string package) =>
        SearchPath().Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists)
        ?? throw new VsException(ExitCode.HostLacks, $"demo: {name} is not installed: apt-get install {package}");

    private static IEnumerable<string> SearchPath() =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries).Concat(["/usr/sbin", "/sbin"]);
}
