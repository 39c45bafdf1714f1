using System.Globalization;
using VirtualServices.Cli.Demo;
using VirtualServices.Model;

namespace VirtualServices.Bench.Recording;

/// <summary>
/// What it costs a server to be watched, by <c>vs record</c> and by the tools that are used for it today, in one run. Each measurement is a window with the observer between two without it, below the same connections;
/// rates are compared at equal speed of the machine. The observers take turns, and each round begins with another one.
/// </summary>
internal sealed class RecordCost
{
    // What is between two windows without is as long as both.
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(1), Watched = TimeSpan.FromSeconds(2), Skip = TimeSpan.FromSeconds(0.4);

    // What an observer's start costs (a .NET program compiles its code for some two seconds) is no part of what it costs to watch.
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(3);

    // What a load's log has not written yet when it is ended.
    private static readonly TimeSpan Flush = TimeSpan.FromSeconds(1);

    private static readonly string[] AllServers = ["redis", "nginx", "postgres"];

    private readonly int _rounds;
    private readonly IReadOnlyList<string> _servers;
    private readonly IReadOnlyList<Observer> _observers;
    private readonly TextWriter _output, _progress;

    /// <summary>Prepares it.</summary>
    /// <param name="rounds">How often each observer has its turn.</param>
    /// <param name="names">Servers and observers, by the last word of their names or the first; all of either kind where none is named.</param>
    /// <param name="output">For the table.</param>
    /// <param name="progress">For each window as it ends.</param>
    /// <exception cref="VsException">A name is neither.</exception>
    public RecordCost(int rounds, IReadOnlyList<string> names, TextWriter output, TextWriter progress)
    {
        if (names.FirstOrDefault(name => !AllServers.Contains(name) && !Observer.All.Any(one => one.IsCalled(name))) is { } unknown)
            throw new VsException(ExitCode.Usage, $"bench: '{unknown}' is neither a server ({string.Join(", ", AllServers)}) nor an observer ({string.Join(", ", Observer.All.Select(one => one.ShortName))})");
        _rounds = rounds;
        _output = output;
        _progress = progress;
        _servers = [.. AllServers.Where(server => names.Contains(server) || !names.Intersect(AllServers).Any())];
        _observers = [.. Observer.All.Where(one => names.Any(one.IsCalled) || !names.Except(AllServers).Any())];
    }

    /// <summary>Runs all rounds and writes a table.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        await _output.WriteLineAsync("| server | observer | requests without, median | with, median | with / without at equal speed | range | rounds | events lost |");
        await _output.WriteLineAsync("|---|---|---|---|---|---|---|---|");
        using MachineSpeed speed = MachineSpeed.Start();
        foreach (string name in _servers)
        {
            string folder = Directory.CreateTempSubdirectory("vs-bench-").FullName, watched = Directory.CreateDirectory(Path.Combine(folder, "watched")).FullName;
            try
            {
                // Servers that do not run as root read from it.
                if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
                await using RecordedServer server = await RecordedServer.StartAsync(name, folder, cancel);
                await MeasureAsync(server, speed, watched, cancel);
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    private async Task MeasureAsync(RecordedServer server, MachineSpeed speed, string folder, CancellationToken cancel)
    {
        Dictionary<string, List<(double Without, double With, double Effect, long? Lost)>> results = [];
        Dictionary<string, string> missing = [];
        for (int round = 0; round < _rounds; round++)
        {
            for (int turn = 0; turn < _observers.Count; turn++)
            {
                Observer observer = _observers[(round + turn) % _observers.Count];
                if (missing.ContainsKey(observer.Name)) continue;
                try
                {
                    (double Without, double With, double Effect, long? Lost) one = await MeasureAsync(server, observer, speed, folder, cancel);
                    if (!results.TryGetValue(observer.Name, out var all)) results.Add(observer.Name, all = []);
                    all.Add(one);
                    await _progress.WriteLineAsync(Say($"round {round + 1} of {_rounds}, {server.Name}, {observer.Name}: {one.Without:F0}/s, {one.With:F0}/s, {Math.Exp(one.Effect):F3}"));
                }
                catch (VsException error) when (error.ExitCode == ExitCode.HostLacks)
                {
                    missing.Add(observer.Name, error.Message.Trim().Split('\n')[0]);
                    await _progress.WriteLineAsync(error.Message);
                }
            }
        }

        foreach (Observer observer in _observers)
        {
            if (missing.TryGetValue(observer.Name, out string? reason)) await _output.WriteLineAsync($"| {server.Name} | {observer.Name} | not measured: {reason} | | | | | |");
            if (!results.TryGetValue(observer.Name, out var all)) continue;
            double[] effects = [.. all.Select(one => one.Effect).Where(double.IsFinite).Order()];
            string lost = all.All(one => one.Lost is null) ? "not told" : Say($"{all.Sum(one => one.Lost ?? 0)}");
            await _output.WriteLineAsync(Say($"| {server.Name} | {observer.Name} | {Measurement.Median(all.Select(one => one.Without)):F0}/s | {Measurement.Median(all.Select(one => one.With)):F0}/s | {MeanEffect.Of(effects)} | {Math.Exp(effects[0]):F3}-{Math.Exp(effects[^1]):F3} | {effects.Length} | {lost} |"));
        }
    }

    private static async Task<(double Without, double With, double Effect, long? Lost)> MeasureAsync(RecordedServer server, Observer observer, MachineSpeed speed, string folder, CancellationToken cancel)
    {
        using IRunningLoad load = await server.LoadAsync(cancel);
        var before = await WindowAsync(Window, cancel);
        Child child = await observer.StartAsync(server, folder, cancel);
        (DateTime From, DateTime To) with;
        long? lost;
        try
        {
            await Task.Delay(Settle, cancel);
            with = await WindowAsync(Watched, cancel);
        }
        finally
        {
            lost = await Observer.EndAsync(child, folder);
        }

        var after = await WindowAsync(Window, cancel);
        await Task.Delay(Flush, cancel);
        IReadOnlyList<Transaction> all = await load.StopAsync(cancel);
        double without = (Rate(before) + Rate(after)) / 2;
        return (without, Rate(with), Math.Log(AtEqualSpeed(with)) - (Math.Log(AtEqualSpeed(before)) + Math.Log(AtEqualSpeed(after))) / 2, lost);

        double Rate((DateTime From, DateTime To) window) => all.Count(one => one.End >= window.From && one.End < window.To) / (window.To - window.From).TotalSeconds;

        double AtEqualSpeed((DateTime From, DateTime To) window) => Rate(window) / speed.Within(window.From, window.To);
    }

    private static async Task<(DateTime From, DateTime To)> WindowAsync(TimeSpan length, CancellationToken cancel)
    {
        await Task.Delay(Skip, cancel);
        DateTime from = DateTime.UtcNow;
        await Task.Delay(length, cancel);
        return (from, DateTime.UtcNow);
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
