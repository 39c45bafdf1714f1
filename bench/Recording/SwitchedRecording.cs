using System.Globalization;
using VirtualServices.Cli.Demo;
using VirtualServices.Discover.Recording;
using VirtualServices.Model;

namespace VirtualServices.Bench.Recording;

/// <summary>
/// What <c>vs record</c> costs a server, more exactly than a start and an end of it can tell: the recorder runs in this process, its programs are taken from the kernel's hooks and put back every half second below the
/// same connections, and it looks at nothing meanwhile. What it does to find new processes, once a second, goes on in both. The mean of the logarithms of adjacent windows, at equal speed of the machine.
/// </summary>
internal sealed class SwitchedRecording
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(0.4);

    // After a switch: what was under way is over, and the kernel has patched its tracepoints.
    private static readonly TimeSpan Skip = TimeSpan.FromSeconds(0.05);

    // The recorder's code is compiled in its first seconds.
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(3);

    // What a load's log has not written yet when it is ended.
    private static readonly TimeSpan Flush = TimeSpan.FromSeconds(1);

    private static readonly string[] AllServers = ["redis", "nginx", "postgres"], AllLevels = ["sockets", "syscalls"];

    private readonly int _pairs;
    private readonly IEnumerable<string> _servers, _levels;
    private readonly TextWriter _output, _progress;

    /// <summary>Prepares it.</summary>
    /// <param name="pairs">Of windows, for each server and level.</param>
    /// <param name="names">Servers and levels; all of either kind where none is named.</param>
    /// <param name="output">For the table.</param>
    /// <param name="progress">For what is being measured.</param>
    /// <exception cref="VsException">A name is neither.</exception>
    public SwitchedRecording(int pairs, IReadOnlyList<string> names, TextWriter output, TextWriter progress)
    {
        if (names.FirstOrDefault(name => !AllServers.Contains(name) && !AllLevels.Contains(name)) is { } unknown)
            throw new VsException(ExitCode.Usage, $"bench: '{unknown}' is neither a server ({string.Join(", ", AllServers)}) nor a level ({string.Join(", ", AllLevels)})");
        _pairs = pairs;
        _servers = AllServers.Where(server => names.Contains(server) || !names.Intersect(AllServers).Any());
        _levels = AllLevels.Where(level => names.Contains(level) || !names.Intersect(AllLevels).Any());
        _output = output;
        _progress = progress;
    }

    /// <summary>Runs all pairs and writes the table.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        await _output.WriteLineAsync("| server | level | requests without, median | with, median | with / without at equal speed | pairs | events a second | events lost |");
        await _output.WriteLineAsync("|---|---|---|---|---|---|---|---|");
        using MachineSpeed speed = MachineSpeed.Start();
        foreach (string name in _servers)
        {
            string folder = Directory.CreateTempSubdirectory("vs-bench-").FullName;
            try
            {
                // Servers that do not run as root read from it.
                if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
                await using RecordedServer server = await RecordedServer.StartAsync(name, folder, cancel);
                foreach (string level in _levels)
                {
                    await _progress.WriteLineAsync(Say($"{server.Name}, {level}: {_pairs} pairs of {2 * Window.TotalSeconds} s"));
                    await _output.WriteLineAsync(Say($"| {server.Name} | `{level}` | {await MeasureAsync(server, level, speed, Path.Combine(folder, level), cancel)} |"));
                }
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    private async Task<string> MeasureAsync(RecordedServer server, string level, MachineSpeed speed, string session, CancellationToken cancel)
    {
        using IRunningLoad load = await server.LoadAsync(cancel);
        using RecorderSwitch programs = new();
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        RecorderOptions options = new(session, [new Service("served", [new Selector(SelectorKind.Listen, Say($"tcp/{server.Port}"))])])
        {
            Level = level == "sockets" ? RecordLevel.Sockets : RecordLevel.Syscalls,
            Switch = programs,
        };
        Task<RecordResult> recording = Task.Factory.StartNew(() => Recorder.Run(options, end.Token), cancel, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        _ = recording.ContinueWith(_ => end.Cancel(), CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        List<Span> on = [], off = [];
        try
        {
            programs.WaitForStart(end.Token);
            await Task.Delay(Settle, end.Token);
            programs.Off();
            // Off, on, on, off, off, on, ...: a drift favours one as often as the other.
            for (int i = 0; i < _pairs; i++)
            {
                (i % 2 == 0 ? off : on).Add(await WindowAsync(end.Token));
                Switch(on: i % 2 == 0);
                (i % 2 == 0 ? on : off).Add(await WindowAsync(end.Token));
            }
        }
        finally
        {
            await end.CancelAsync();
        }

        RecordResult result = await recording;
        await Task.Delay(Flush, cancel);
        IReadOnlyList<Transaction> all = await load.StopAsync(cancel);
        double[] effects = [.. on.Zip(off, (with, without) => Math.Log(AtEqualSpeed(with) / AtEqualSpeed(without))).Where(double.IsFinite)];
        double recorded = on.Sum(window => window.Seconds + Skip.TotalSeconds) + Settle.TotalSeconds;
        return Say($"{Measurement.Median(off.Select(Rate)):F0}/s | {Measurement.Median(on.Select(Rate)):F0}/s | {MeanEffect.Of(effects)} | {effects.Length} | {result.Events / recorded:F0} | {result.Lost}");

        double Rate(Span window) => all.Count(one => one.End >= window.From && one.End < window.To) / window.Seconds;

        double AtEqualSpeed(Span window) => Rate(window) / speed.Within(window.From, window.To);

        void Switch(bool on)
        {
            if (on) programs.On();
            else programs.Off();
        }
    }

    private static async Task<Span> WindowAsync(CancellationToken cancel)
    {
        await Task.Delay(Skip, cancel);
        DateTime from = DateTime.UtcNow;
        await Task.Delay(Window, cancel);
        return new Span(from, DateTime.UtcNow);
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private readonly record struct Span(DateTime From, DateTime To)
    {
        public double Seconds => (To - From).TotalSeconds;
    }
}
