using System.Globalization;
using System.Text.Json;
using VirtualServices.Cli.Demo;
using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Making;

/// <summary>A PostgreSQL that logs the CPU time of every statement (getrusage, log_statement_stats), and what its log says.</summary>
internal static class ServerLog
{
    private const string Name = "truth";

    /// <summary>Starts it.</summary>
    public static Task<PostgresServer> StartPostgresAsync(TraceRun run, IReadOnlyList<string> roles, CancellationToken cancel, string? networkNamespace = null, params IReadOnlyList<string> settings) => PostgresServer.StartAsync(
        Path.Combine(run.Folder, "postgres"),
        run.Cgroups.Folder("postgres"),
        roles,
        cancel,
        networkNamespace,
        [.. settings, "log_statement_stats=on", "log_destination=jsonlog", "logging_collector=on", $"log_filename={Name}.log", "log_rotation_size=0"]);

    /// <summary>CPU time of the tenants' statements; the id of the request in a comment says whose each is.</summary>
    public static IEnumerable<CpuTruth> CpuOf(PostgresServer server, IReadOnlySet<string> requests)
    {
        SortedDictionary<string, double> seconds = new(StringComparer.Ordinal);
        foreach (string line in File.ReadLines(Path.Combine(server.Folder, "data", "log", $"{Name}.json")))
        {
            JsonElement entry = JsonDocument.Parse(line).RootElement;
            if (!Text(entry, "message").EndsWith(" STATISTICS", StringComparison.Ordinal) || Request(Text(entry, "statement")) is not { } request || !requests.Contains(request)) continue;

            // ! system usage stats:
            // !	0.001234 s user, 0.000000 s system, 0.001239 s elapsed
            string[] words = Text(entry, "detail").Split('\n')[1].Split(['\t', ' '], StringSplitOptions.RemoveEmptyEntries);
            string tenant = TraceRun.TenantOf(request);
            seconds[tenant] = seconds.GetValueOrDefault(tenant) + Number(words[1]) + Number(words[4]);
        }

        return seconds.Select(pair => new CpuTruth("postgres", pair.Key, (long)(pair.Value * 1e9)));
    }

    private static string Text(JsonElement entry, string name) => entry.TryGetProperty(name, out JsonElement value) ? value.GetString() ?? "" : "";

    private static double Number(string word) => double.Parse(word, CultureInfo.InvariantCulture);

    private static string? Request(string statement)
    {
        int begin = statement.LastIndexOf("/* ", StringComparison.Ordinal), end = statement.LastIndexOf(" */", StringComparison.Ordinal);
        return begin >= 0 && end > begin ? statement[(begin + 3)..end] : null;
    }
}
