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
    public static IEnumerable<CpuTruth> CpuOf(PostgresServer server, IReadOnlySet<string> requests) => Sum(Entries(server, requests).Select(entry => (entry.Request, entry.StatementSeconds)));

    /// <summary>CPU time of the tenants' server processes, where each request has a connection of its own: all of it from the process's begin to the end of its last statement. Only its end is not there.</summary>
    public static IEnumerable<CpuTruth> CpuOfProcesses(PostgresServer server, IReadOnlySet<string> requests) =>
        Sum(Entries(server, requests).GroupBy(entry => entry.Process).Select(process => (process.First().Request, process.Max(entry => entry.ProcessSeconds))));

    private static IEnumerable<CpuTruth> Sum(IEnumerable<(string Request, double Seconds)> parts) =>
        parts.GroupBy(part => TraceRun.TenantOf(part.Request), StringComparer.Ordinal).OrderBy(tenant => tenant.Key, StringComparer.Ordinal).Select(tenant => new CpuTruth("postgres", tenant.Key, (long)(tenant.Sum(part => part.Seconds) * 1e9)));

    private static IEnumerable<(string Request, int Process, double StatementSeconds, double ProcessSeconds)> Entries(PostgresServer server, IReadOnlySet<string> requests)
    {
        foreach (string line in File.ReadLines(Path.Combine(server.Folder, "data", "log", $"{Name}.json")))
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement entry = document.RootElement;
            if (!Text(entry, "message").EndsWith(" STATISTICS", StringComparison.Ordinal) || Request(Text(entry, "statement")) is not { } request || !requests.Contains(request)) continue;

            // ! system usage stats:
            // !	0.001234 s user, 0.000000 s system, 0.001239 s elapsed
            // !	[0.005678 s user, 0.002000 s system total]
            double[][] times = [.. Text(entry, "detail").Split('\n').Skip(1).Take(2).Select(times => times.Split(['\t', ' ', '['], StringSplitOptions.RemoveEmptyEntries)).Select(words => (double[])[Number(words[1]), Number(words[4])])];
            yield return (request, entry.GetProperty("pid").GetInt32(), times[0].Sum(), times[1].Sum());
        }
    }

    private static string Text(JsonElement entry, string name) => entry.TryGetProperty(name, out JsonElement value) ? value.GetString() ?? "" : "";

    private static double Number(string word) => double.Parse(word, CultureInfo.InvariantCulture);

    private static string? Request(string statement)
    {
        int begin = statement.LastIndexOf("/* ", StringComparison.Ordinal), end = statement.LastIndexOf(" */", StringComparison.Ordinal);
        return begin >= 0 && end > begin ? statement[(begin + 3)..end] : null;
    }
}
