using System.Diagnostics;
using System.Globalization;
using VirtualServices.Cli.Demo;
using VirtualServices.Discover.Sessions;
using VirtualServices.Linux.Processes;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Bench.Recording;

/// <summary>How many events a second are recorded, and what that takes: threads send and receive single bytes as fast as they can, and share the processors with the recorder.</summary>
internal sealed class RecordRate(int seconds, IReadOnlyList<string> loads, TextWriter output, TextWriter progress)
{
    private static readonly string[] Levels = ["sockets", "syscalls"];

    /// <summary>Runs all loads and writes the table.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        string folder = Directory.CreateTempSubdirectory("vs-bench-").FullName;
        try
        {
            string program = await CProgram.CompileAsync("bytes", folder, cancel);
            List<string> rows = [];
            foreach (string kind in new[] { "unix", "tcp" })
            {
                foreach (int threads in new[] { 1, Environment.ProcessorCount }.Distinct())
                {
                    if (loads is not [] && !loads.Contains(Say($"{kind}-{threads}"))) continue;
                    double alone = await AloneAsync(program, kind, threads, cancel);
                    foreach (string level in Levels)
                    {
                        string row = await RecordedAsync(program, kind, threads, level, alone, Path.Combine(folder, "session"), cancel);
                        await progress.WriteLineAsync(row);
                        rows.Add(row);
                    }
                }
            }

            await output.WriteLineAsync("| load | level | calls not recorded | calls recorded | events lost | calls without an event | bytes per event | recorder, part of a CPU | its largest memory | read again |");
            await output.WriteLineAsync("|---|---|---|---|---|---|---|---|---|---|");
            foreach (string row in rows) await output.WriteLineAsync(row);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Calls a second.</summary>
    private static async Task<double> AloneAsync(string program, string kind, int threads, CancellationToken cancel)
    {
        using Bytes load = new(program, kind, threads);
        load.Begin();
        await Task.Delay(TimeSpan.FromSeconds(2), cancel);
        (long calls, double took) = load.End();
        return calls / took;
    }

    private async Task<string> RecordedAsync(string program, string kind, int threads, string level, double alone, string session, CancellationToken cancel)
    {
        using Bytes load = new(program, kind, threads);
        using Child recorder = VsChild.Start(["record", "-o", session, "--service", Say($"load=pid:{load.Pid}"), "--level", level]);
        (long calls, double took) = (0, 0);
        long cpu, memory;
        try
        {
            if (!await Wait.UntilAsync(() => recorder.HasExited || recorder.Errors.Contains("recording to", StringComparison.Ordinal), TimeSpan.FromSeconds(20), cancel) || recorder.HasExited)
                throw new VsException(ExitCode.HostLacks, $"bench: the recorder did not start: {recorder.Errors}");
            long before = CpuNs(recorder.Pid);
            load.Begin();
            await Task.Delay(TimeSpan.FromSeconds(seconds), cancel);
            (calls, took) = load.End();
            cpu = CpuNs(recorder.Pid) - before;
            memory = LargestMemoryKib(recorder.Pid);
        }
        finally
        {
            await recorder.EndAsync(Child.Interrupt, TimeSpan.FromSeconds(60));
        }

        (long events, long lost, double rate) = Count(session);
        long bytes = new FileInfo(Path.Combine(session, SessionReader.EventsFileName)).Length;
        Directory.Delete(session, recursive: true);
        return Say($"| {kind}, {threads} {(threads == 1 ? "thread" : "threads")} | {level} | {alone:N0}/s | {calls / took:N0}/s | {lost:N0} | {calls - events - lost:N0} | {(double)bytes / events:F1} | {cpu / 1e9 / took:F2} | {memory / 1024} MiB | {rate:N0}/s |");
    }

    /// <summary>Bytes that the load sent and received, as the session has them, what was lost, and how many events a second were read, one after the other.</summary>
    private static (long Events, long Lost, double Rate) Count(string session)
    {
        long started = Stopwatch.GetTimestamp(), all = 0;
        using SessionReader reader = SessionReader.Open(session);
        SessionEvent[] buffer = new SessionEvent[4096];
        long events = 0;
        for (int read; (read = reader.Read(buffer)) > 0; all += read)
            foreach (ref readonly SessionEvent e in buffer.AsSpan(0, read))
                if (e.Call is CallKind.Send or CallKind.Receive && e.Result == 1) events++;
        return (events, reader.Info.LostEvents(), all / Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    /// <summary>CPU time of all threads so far.</summary>
    private static long CpuNs(int pid) => ProcessTable.Threads(pid).Sum(thread => long.Parse(File.ReadAllText(Say($"/proc/{pid}/task/{thread}/schedstat")).Split(' ')[0], CultureInfo.InvariantCulture));

    private static long LargestMemoryKib(int pid)
    {
        string line = File.ReadLines(Say($"/proc/{pid}/status")).First(one => one.StartsWith("VmHWM:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
