using System.Globalization;
using System.Net;
using System.Net.Sockets;
using VirtualServices.Cli.Demo;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model;

namespace VirtualServices.Bench;

/// <summary>
/// What recording costs the recorded server: throughput of a Redis at each level against none. Each round has a window of each, one after the other, the order rotates,
/// and only ratios within a round are compared.
/// </summary>
internal sealed class RecordCost(int rounds, TextWriter output, TextWriter progress)
{
    private const int Requests = 100_000, Connections = 50;
    private const string Off = "off";

    private static readonly string[] Levels = [Off, "sockets", "syscalls"];

    private readonly Dictionary<string, long> _lost = Levels.ToDictionary(level => level, _ => 0L);

    /// <summary>Runs all rounds and writes the table.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        string folder = Directory.CreateTempSubdirectory("vs-bench-").FullName;
        int port = FreePort();
        using Child server = Child.Start([Tools.Find("redis-server", "redis"), "--port", Text(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        try
        {
            if (!await Wait.UntilAsync(() => server.HasExited || server.Output.Contains("Ready to accept connections", StringComparison.Ordinal), TimeSpan.FromSeconds(10), cancel) || server.HasExited)
                throw new VsException(ExitCode.HostLacks, $"bench: redis-server did not start: {server.Output}{server.Errors}");
            await LoadAsync(port, cancel); // warms up what comes first
            List<Dictionary<string, double>> results = [];
            for (int i = 0; i < rounds; i++)
            {
                Dictionary<string, double> rates = [];
                for (int j = 0; j < Levels.Length; j++)
                {
                    string level = Levels[(i + j) % Levels.Length];
                    rates[level] = await WindowAsync(level, port, Path.Combine(folder, "session"), cancel);
                }

                results.Add(rates);
                await progress.WriteLineAsync(Say($"round {i + 1} of {rounds}: {string.Join(", ", Levels.Select(level => Say($"{level} {rates[level]:F0}/s")))}"));
            }

            await output.WriteLineAsync("| level | requests, median | kept, median | range | rounds | events lost |");
            await output.WriteLineAsync("|---|---|---|---|---|---|");
            foreach (string level in Levels)
            {
                double[] kept = [.. results.Select(rates => rates[level] / rates[Off]).Order()];
                await output.WriteLineAsync(Say($"| {level} | {Measurement.Median(results.Select(rates => rates[level])):F0}/s | {Measurement.Median(kept):F3} | {kept[0]:F3}-{kept[^1]:F3} | {rounds} | {_lost[level]} |"));
            }
        }
        finally
        {
            await server.EndAsync(Child.Terminate, TimeSpan.FromSeconds(5));
            Directory.Delete(folder, recursive: true);
        }
    }

    private async Task<double> WindowAsync(string level, int port, string session, CancellationToken cancel)
    {
        if (level == Off) return await LoadAsync(port, cancel);
        using Child recorder = VsChild.Start(["record", "-o", session, "--service", $"redis=listen:tcp/{Text(port)}", "--level", level]);
        try
        {
            if (!await Wait.UntilAsync(() => recorder.HasExited || recorder.Errors.Contains("recording to", StringComparison.Ordinal), TimeSpan.FromSeconds(20), cancel) || recorder.HasExited)
                throw new VsException(ExitCode.HostLacks, $"bench: the recorder did not start: {recorder.Errors}");
            return await LoadAsync(port, cancel);
        }
        finally
        {
            await recorder.EndAsync(Child.Interrupt, TimeSpan.FromSeconds(20));
            if (File.Exists(Path.Combine(session, "session.json")))
            {
                using (SessionReader reader = SessionReader.Open(session)) _lost[level] += reader.Info.Counts.Sum(count => count.Lost);
                Directory.Delete(session, recursive: true);
            }
        }
    }

    /// <summary>Requests a second.</summary>
    private static async Task<double> LoadAsync(int port, CancellationToken cancel)
    {
        // "test","rps","avg_latency_ms",... and then "GET","123456.78",...
        string said = await Child.RunAsync([Tools.Find("redis-benchmark", "redis-tools"), "-p", Text(port), "-t", "get", "-n", Text(Requests), "-c", Text(Connections), "--csv"], null, cancel);
        string line = said.Split('\n').FirstOrDefault(one => one.StartsWith("\"GET\"", StringComparison.Ordinal)) ?? throw new VsException(ExitCode.HostLacks, $"bench: redis-benchmark said nothing of GET: {said}");
        return double.Parse(line.Split(',')[1].Trim('"'), CultureInfo.InvariantCulture);
    }

    private static int FreePort()
    {
        using TcpListener probe = new(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
