using System.Diagnostics;
using System.Globalization;
using VirtualServices.Cli.Demo;

namespace VirtualServices.Bench.Siblings;

/// <summary>What the kernel's scheduler leaves to others beside a cgroup whose processes wake each other: to two programs that compute all the time, and to a thread that wakes every 10 ms. Nothing of ours runs.</summary>
internal sealed class SiblingCost(int seconds, TextWriter output, TextWriter progress)
{
    private const int Spinners = 2, WakeMs = 10;
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(1);

    /// <summary>Measures all arrangements and writes a table.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        string folder = Directory.CreateTempSubdirectory("vs-bench-").FullName;
        DemoCgroups cgroups = DemoCgroups.Create("virtual-services-bench");
        try
        {
            await output.WriteLineAsync("| beside | two programs that compute are in | CPU time that they get, of all | longest wait of a thread that wakes every 10 ms |");
            await output.WriteLineAsync("|---|---|---|---|");
            foreach ((bool clientsToo, string beside) in ((bool, string)[])[(false, "24 servers in a cgroup, their clients outside"), (true, "24 servers and their clients in a cgroup")])
            {
                foreach (string? place in (string?[])[null, "other"])
                {
                    await progress.WriteLineAsync($"{beside}; {(place is null ? "no cgroup" : "a cgroup of their own")}");
                    (double part, double wait) = await MeasureAsync(cgroups, folder, clientsToo, place, cancel);
                    await output.WriteLineAsync(Say($"| {beside} | {(place is null ? "no cgroup" : "a cgroup of their own")} | {part:P0} | {wait:F0} ms |"));
                }
            }
        }
        finally
        {
            cgroups.Dispose();
            Directory.Delete(folder, recursive: true);
        }
    }

    private async Task<(double Part, double WaitMs)> MeasureAsync(DemoCgroups cgroups, string folder, bool clientsToo, string? place, CancellationToken cancel)
    {
        await using BusySibling busy = await BusySibling.StartAsync(cgroups, folder, clientsToo, cancel);
        Child[] spinners = [.. Enumerable.Range(0, Spinners).Select(_ => Child.Start(["/bin/sh", "-c", "while :; do :; done"], cgroup: place is null ? null : cgroups.Folder(place)))];
        try
        {
            await Task.Delay(Settle, cancel);
            (double longest, double elapsed, double before) = (0, 0, spinners.Sum(CpuSeconds));
            // A thread of its own: a timer of the pool may wait for a worker, too.
            Thread sleeper = new(() =>
            {
                Stopwatch all = Stopwatch.StartNew();
                while (elapsed < seconds && !cancel.IsCancellationRequested)
                {
                    Thread.Sleep(WakeMs); // what is measured: by how much later it runs
                    double now = all.Elapsed.TotalSeconds;
                    longest = Math.Max(longest, (now - elapsed) * 1000 - WakeMs);
                    elapsed = now;
                }
            });
            sleeper.Start();
            sleeper.Join();
            cancel.ThrowIfCancellationRequested();
            return ((spinners.Sum(CpuSeconds) - before) / elapsed / Environment.ProcessorCount, longest);
        }
        finally
        {
            foreach (Child spinner in spinners) await spinner.EndAsync(Child.Kill, Settle);
        }
    }

    // The first number of schedstat: nanoseconds on a CPU (proc_pid_schedstat, Documentation/scheduler/sched-stats.rst).
    private static double CpuSeconds(Child child) =>
        double.Parse(File.ReadAllText(Say($"/proc/{child.Pid}/schedstat")).Split(' ')[0], CultureInfo.InvariantCulture) / 1e9;

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
