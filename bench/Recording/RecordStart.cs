using System.Diagnostics;
using System.Globalization;
using VirtualServices.Cli.Demo;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Bench.Recording;

/// <summary>From the command to the first event: a process that was there before sends a byte each millisecond.</summary>
internal sealed class RecordStart(int rounds, TextWriter output, TextWriter progress)
{
    private const int PauseMicroseconds = 1000;

    private static readonly string[] Levels = ["sockets", "syscalls"];

    /// <summary>Runs all rounds and writes the table.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        string folder = Directory.CreateTempSubdirectory("vs-bench-").FullName;
        try
        {
            string program = await CProgram.CompileAsync("bytes", folder, cancel);
            using Bytes load = new(program, "tcp", 1, PauseMicroseconds);
            load.Begin();
            Dictionary<string, List<double>> starts = Levels.ToDictionary(level => level, _ => new List<double>());
            for (int i = 0; i < rounds; i++)
            {
                foreach (string level in Levels)
                {
                    starts[level].Add(await StartAsync(load.Pid, level, Path.Combine(folder, "session"), cancel));
                    await progress.WriteLineAsync(Say($"round {i + 1} of {rounds}, {level}: {starts[level][^1]:F3} s"));
                }
            }

            await output.WriteLineAsync("| level | to the first event, median | range | rounds |");
            await output.WriteLineAsync("|---|---|---|---|");
            foreach (string level in Levels) await output.WriteLineAsync(Say($"| {level} | {Measurement.Median(starts[level]):F2} s | {starts[level].Min():F2}-{starts[level].Max():F2} s | {rounds} |"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Seconds from just before the command is started.</summary>
    private static async Task<double> StartAsync(int pid, string level, string session, CancellationToken cancel)
    {
        long began = (long)(Stopwatch.GetTimestamp() * (1e9m / Stopwatch.Frequency)); // CLOCK_MONOTONIC, as the events have it
        using Child recorder = VsChild.Start(["record", "-o", session, "--service", Say($"load=pid:{pid}"), "--level", level, "--duration", "300ms"]);
        if (await recorder.WaitAsync(cancel) != 0) throw new VsException(ExitCode.HostLacks, $"bench: the recorder failed: {recorder.Errors}");
        using SessionReader reader = SessionReader.Open(session);
        SessionEvent[] buffer = new SessionEvent[1];
        while (reader.Read(buffer) > 0)
        {
            if (buffer[0].Call != CallKind.Send || buffer[0].Result != 1) continue;
            Directory.Delete(session, recursive: true);
            return (buffer[0].TimeNs - began) / 1e9;
        }

        throw new VsException(ExitCode.Bug, "bench: nothing of the load was recorded");
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
