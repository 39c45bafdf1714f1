using System.Diagnostics;
using System.Globalization;
using VirtualServices.Cli.Demo;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model;

namespace VirtualServices.Bench.Inference;

/// <summary>How fast <c>vs infer</c> is on one processor, and how much memory it takes, for sessions that grow.</summary>
/// <param name="millions">Events of the largest session.</param>
/// <param name="words">Shapes to measure, none for all; a name with <c>.svg</c> for a plot.</param>
/// <param name="output">Where the table goes.</param>
/// <param name="progress">Where rows go as they come.</param>
internal sealed class InferSpeed(int millions, IReadOnlyList<string> words, TextWriter output, TextWriter progress)
{
    private static readonly int[] Sizes = [1, 3, 10, 30, 100];

    /// <summary>Measures all and writes the table.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        string[] plots = [.. words.Where(word => word.EndsWith(".svg", StringComparison.Ordinal))];
        string[] names = [.. words.Except(plots)];
        if (names.Except(SessionShape.All.Keys).FirstOrDefault() is { } stranger)
            throw new VsException(ExitCode.Usage, $"bench: there is no session of shape '{stranger}': {string.Join(", ", SessionShape.All.Keys)}");
        List<InferRun> runs = [];
        foreach ((string name, SessionShape shape) in SessionShape.All.Where(shape => names.Length == 0 || names.Contains(shape.Key)))
        {
            foreach (int size in Sizes.Where(size => size <= millions))
            {
                InferRun run = await MeasureAsync(name, shape, size, cancel);
                runs.Add(run);
                await progress.WriteLineAsync(run.Row);
            }
        }

        await output.WriteLineAsync("| session | events | file | CPU time | events/s of CPU | elapsed | largest memory |");
        await output.WriteLineAsync("|---|---|---|---|---|---|---|");
        foreach (InferRun run in runs) await output.WriteLineAsync(run.Row);
        foreach (string plot in plots) await File.WriteAllTextAsync(plot, InferPlot.Of(runs), cancel);
    }

    private static async Task<InferRun> MeasureAsync(string name, SessionShape shape, int size, CancellationToken cancel)
    {
        const int OnProcessor = 0;
        string folder = Directory.CreateTempSubdirectory("vs-bench-").FullName;
        try
        {
            string session = Path.Combine(folder, "session");
            shape.Write(session, size * 1_000_000L);
            long bytes = new FileInfo(Path.Combine(session, SessionReader.EventsFileName)).Length;
            long before = Stopwatch.GetTimestamp();
            using Child child = Child.Start([Tools.Find("taskset", "util-linux"), "-c", OnProcessor.ToString(CultureInfo.InvariantCulture), .. VsChild.Command("infer", session, "-o", Path.Combine(folder, "rules.yaml"))]);
            Task<int> end = child.WaitAsync(cancel);
            (double cpu, long memory) = (0, 0);
            while (!end.IsCompleted)
            {
                if (Look(child.Pid) is var (used, most) && most > 0) (cpu, memory) = (used, most);
                await Task.WhenAny(end, Task.Delay(10, cancel));
            }

            await end;
            child.ThrowIfFailed();
            return new InferRun(name, shape.Title, size, bytes, cpu, Stopwatch.GetElapsedTime(before).TotalSeconds, memory);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>CPU time so far, s, and the largest memory, KiB; of the moment before a process ends there is nothing to read.</summary>
    private static (double Cpu, long Memory) Look(int pid)
    {
        try
        {
            string folder = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/");
            string status = File.ReadLines(folder + "status").FirstOrDefault(one => one.StartsWith("VmHWM:", StringComparison.Ordinal)) ?? "VmHWM: 0";
            string[] stat = File.ReadAllText(folder + "stat").Split(") ")[^1].Split(' ');
            const int UserTicks = 11, SystemTicks = 12;
            const double TicksPerSecond = 100;
            return ((Whole(stat[UserTicks]) + Whole(stat[SystemTicks])) / TicksPerSecond, Whole(status.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]));
        }
        catch (IOException)
        {
            return (0, 0);
        }
    }

    private static long Whole(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}

/// <summary>One session that was read.</summary>
/// <param name="Name">Name of the shape.</param>
/// <param name="Title">The shape in words.</param>
/// <param name="Millions">Events, millions.</param>
/// <param name="Bytes">Bytes of the events' file.</param>
/// <param name="Cpu">CPU time, s.</param>
/// <param name="Elapsed">Elapsed, s.</param>
/// <param name="MemoryKib">Largest memory, KiB.</param>
internal sealed record InferRun(string Name, string Title, int Millions, long Bytes, double Cpu, double Elapsed, long MemoryKib)
{
    public string Row => string.Create(
        CultureInfo.InvariantCulture,
        $"| {Title} | {Millions} million | {Bytes >> 20} MiB | {Cpu:F2} s | {Millions / Cpu:F2} million | {Elapsed:F2} s | {MemoryKib >> 10} MiB |");
}
