using System.Globalization;
using VirtualServices.Cli.Demo;

namespace VirtualServices.Bench.Recording;

/// <summary>What a system call of a program that is not recorded takes more while a Redis is: each window of a level stands between two without a recorder.</summary>
internal sealed class StrangerCost(int rounds, TextWriter output, TextWriter progress)
{
    private static readonly (string Kind, string Name)[] Calls =
    [
        ("getppid", "getppid"),
        ("zero", "read of /dev/zero, a byte"),
        ("pipe", "write and read of a pipe, a byte"),
        ("unix", "write and read of a unix socket, a byte"),
        ("tcp", "write and read of TCP over the loopback, a byte"),
    ];

    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(2.5);

    /// <summary>Runs all rounds and writes a table.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        string folder = Directory.CreateTempSubdirectory("vs-bench-").FullName;
        try
        {
            string program = await CProgram.CompileAsync("stranger", folder, cancel);
            await using RecordedServer server = await RecordedServer.StartAsync("redis", folder, cancel);
            string watched = Directory.CreateDirectory(Path.Combine(folder, "watched")).FullName;
            await output.WriteLineAsync("| call | level | not recorded, ns a call, median | more while another is recorded, ns, median | range | rounds |");
            await output.WriteLineAsync("|---|---|---|---|---|---|");
            foreach (string level in (string[])["sockets", "syscalls"])
            {
                Dictionary<string, List<double>> alone = Calls.ToDictionary(call => call.Kind, _ => new List<double>()), more = Calls.ToDictionary(call => call.Kind, _ => new List<double>());
                for (int round = 0; round < rounds; round++)
                {
                    Dictionary<string, double> before = await AllAsync(program, cancel);
                    Child recorder = await Observer.All.First(one => one.Name.EndsWith(level, StringComparison.Ordinal)).StartAsync(server, watched, cancel);
                    await Task.Delay(Settle, cancel);
                    Dictionary<string, double> with = await AllAsync(program, cancel);
                    await Observer.EndAsync(recorder, watched);
                    Dictionary<string, double> after = await AllAsync(program, cancel);
                    foreach ((string kind, _) in Calls)
                    {
                        alone[kind].Add((before[kind] + after[kind]) / 2);
                        more[kind].Add(with[kind] - (before[kind] + after[kind]) / 2);
                    }

                    await progress.WriteLineAsync(Say($"round {round + 1} of {rounds}, {level}: {string.Join(", ", Calls.Select(call => Say($"{call.Kind} {more[call.Kind][^1]:+0;-0} ns")))}"));
                }

                foreach ((string kind, string name) in Calls)
                    await output.WriteLineAsync(Say($"| {name} | {level} | {Measurement.Median(alone[kind]):F0} | {Measurement.Median(more[kind]):F0} | {more[kind].Min():F0} to {more[kind].Max():F0} | {rounds} |"));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<Dictionary<string, double>> AllAsync(string program, CancellationToken cancel)
    {
        Dictionary<string, double> all = [];
        foreach ((string kind, _) in Calls) all.Add(kind, double.Parse(await Child.RunAsync([program, kind, "0.5"], null, cancel), CultureInfo.InvariantCulture));
        return all;
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
