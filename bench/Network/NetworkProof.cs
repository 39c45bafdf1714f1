using System.Globalization;
using VirtualServices.Cli.Demo;
using VirtualServices.Model;

namespace VirtualServices.Bench.Network;

/// <summary>What network shares buy and what they cost, in network namespaces of our own.</summary>
internal sealed class NetworkProof(int rounds, string[] parts, TextWriter output, TextWriter progress)
{
    private const int Bulk = 16, Rate = 500, Pairs = 150, Classes = 1000, Cycles = 100;

    // The server of datagrams has one thread, which is not to be what is shared out.
    private const long DatagramRate = 50_000_000;
    private const double Megabit = 1e6;

    // What an HTTP client gets of a full packet over Ethernet; that of the loopback is 64 KB large.
    private const double Payload = 1448.0 / 1514;
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(4), Shares = TimeSpan.FromSeconds(10);

    // Nginx has a connection of each; the server of datagrams has one socket for all.
    private static readonly Question ManyFiles = new(false, SharedLink.Big, Bulk), FewFiles = new(false, SharedLink.Small, 4, Rate), ManyDatagrams = new(true, SharedLink.ManyDatagrams, Bulk), OneDatagram = new(true, SharedLink.OneDatagram, Bulk), FewDatagrams = new(true, "1000", 4, Rate);

    private static readonly (string Name, long LinkRate, Question Bulk, Question Small)[] Loads =
    [
        ("TCP, nginx, 200 mbit/s", 200_000_000, ManyFiles, FewFiles),
        ("UDP, 50 mbit/s", 50_000_000, ManyDatagrams, FewDatagrams),
        ("UDP, 200 mbit/s", 200_000_000, ManyDatagrams, FewDatagrams),
        ("UDP, a datagram at a time, 200 mbit/s", 200_000_000, OneDatagram, FewDatagrams),
    ];

    private static readonly (NetworkShareCase Case, double[] Entitled)[] Weights =
    [
        (new("1:1", false, ("{ weight: 100 }", null, Bulk), ("{ weight: 100 }", null, Bulk)), [1.0 / 2, 1.0 / 2]),
        (new("1:2", false, ("{ weight: 100 }", null, Bulk), ("{ weight: 200 }", null, Bulk)), [1.0 / 3, 2.0 / 3]),
        (new("1:4", false, ("{ weight: 100 }", null, Bulk), ("{ weight: 400 }", null, Bulk)), [1.0 / 5, 4.0 / 5]),
        (new("a parent's children 1:3, and its equal", false, ("{ weight: 100 }", "parent", Bulk), ("{ weight: 300 }", "parent", Bulk), ("{ weight: 100 }", null, Bulk)), [1.0 / 8, 3.0 / 8, 1.0 / 2]),
        (new("1:4, datagrams", true, ("{ weight: 100 }", null, Bulk), ("{ weight: 400 }", null, Bulk)), [1.0 / 5, 4.0 / 5]),
    ];

    private const double AssuredMbit = 40;
    private static readonly NetworkShareCase Assured = new("assured", false, ("{ weight: 10000 }", null, 64), ("{ weight: 1, assured: 40mbit }", null, 1));

    /// <summary>Runs the parts and writes their tables.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        (string Name, Func<CancellationToken, Task> Run)[] all = [("isolation", IsolationAsync), ("shares", SharesAsync), ("assured", AssuredAsync), ("cost", CostAsync), ("classes", ClassesAsync), ("cycles", CyclesAsync)];
        foreach (string part in parts)
            if (!all.Any(one => one.Name == part)) throw new VsException(ExitCode.Usage, $"bench: there is no part '{part}': {string.Join(", ", all.Select(one => one.Name))}");
        foreach ((string name, Func<CancellationToken, Task> run) in all)
        {
            if (parts is not [] && !parts.Contains(name)) continue;
            await progress.WriteLineAsync(name);
            await run(cancel);
            await output.WriteLineAsync();
        }
    }

    private async Task IsolationAsync(CancellationToken cancel)
    {
        await output.WriteLineAsync(Say($"| tenant A as fast as it is answered on {Bulk} connections, tenant B {Rate}/s on 4 | B's p50, p99 alone | with A, no virtual services | with virtual services | p99 / alone | B's rate of its target, three arms | A's payload without, with | link used without, with |"));
        await output.WriteLineAsync("|---|---|---|---|---|---|---|---|");
        foreach (bool loopback in (bool[])[false, true])
        {
            foreach ((string name, long rate, Question bulk, Question small) in Loads)
            {
                string title = $"{Name(loopback)}, {name}";
                await progress.WriteLineAsync(title);
                await using SharedLink link = await SharedLink.StartAsync(loopback, cancel, rate);
                NetworkArm[] arms = await NetworkIsolation.CompareAsync(link, bulk, small, rounds, Window, progress, cancel);
                (NetworkArm alone, NetworkArm nothing, NetworkArm governed) = (arms[0], arms[1], arms[2]);
                await output.WriteLineAsync(Say($"| {title} | {Times(alone)} | {Times(nothing)} | {Times(governed)} | {governed.P99 / alone.P99:F2} | {Reached(alone)}, {Reached(nothing)}, {Reached(governed)} | {Mbit(nothing)}, {Mbit(governed)} mbit/s | {Measurement.Median(nothing.Used):P0}, {Measurement.Median(governed.Used):P0} |"));
            }
        }

        static string Times(NetworkArm arm) => Say($"{arm.Victim.Quantile(0.5):F2}, {arm.P99:F2} ms");
        static string Reached(NetworkArm arm) => Say($"{arm.Victim.Rate / arm.Rate:P0}");
        static string Mbit(NetworkArm arm) => Say($"{Measurement.Median(arm.Bulk) / Megabit:F0}");
    }

    private async Task SharesAsync(CancellationToken cancel)
    {
        await output.WriteLineAsync(Say($"| weights, {Bulk} connections each as fast as they are answered ({DatagramRate / Megabit} mbit/s for datagrams), {Shares.TotalSeconds} s | got | entitled | furthest from it | link used |"));
        await output.WriteLineAsync("|---|---|---|---|---|");
        foreach (bool loopback in (bool[])[false, true])
        {
            foreach ((NetworkShareCase one, double[] entitled) in Weights)
            {
                await using SharedLink link = await SharedLink.StartAsync(loopback, cancel, one.Datagrams ? DatagramRate : SharedLink.UsualRate);
                LinkWindow seen = await one.MeasureAsync(link, enforced: true, Shares, cancel);
                double[] parts = [.. seen.Bytes.Select(bytes => bytes / (double)seen.Bytes.Sum())];
                double furthest = parts.Zip(entitled, (got, wanted) => got / wanted - 1).MaxBy(Math.Abs);
                await output.WriteLineAsync(Say($"| {Name(loopback)}, {one.Name} | {string.Join(" : ", parts.Select(Part))} | {string.Join(" : ", entitled.Select(Part))} | {100 * furthest:+0.0;-0.0} % | {seen.Used:P1} |"));
            }
        }

        static string Part(double part) => Say($"{part:P1}");
    }

    private async Task AssuredAsync(CancellationToken cancel)
    {
        await output.WriteLineAsync(Say($"| {AssuredMbit} mbit/s assured to B's one connection, A has {Assured.Tenants[0].Connections} and 10,000 times the weight | B without virtual services | B with, of what is assured | A with | link used without, with |"));
        await output.WriteLineAsync("|---|---|---|---|---|");
        foreach (bool loopback in (bool[])[false, true])
        {
            await using SharedLink link = await SharedLink.StartAsync(loopback, cancel);
            LinkWindow nothing = await Assured.MeasureAsync(link, enforced: false, Shares, cancel), governed = await Assured.MeasureAsync(link, enforced: true, Shares, cancel);
            double assured = AssuredMbit * Megabit * (loopback ? 1 : Payload);
            await output.WriteLineAsync(Say($"| {Name(loopback)} | {nothing.BitsPerSecond(1) / Megabit:F1} mbit/s | {governed.BitsPerSecond(1) / Megabit:F1} mbit/s, {governed.BitsPerSecond(1) / assured:P1} | {governed.BitsPerSecond(0) / Megabit:F1} mbit/s | {nothing.Used:P1}, {governed.Used:P1} |"));
        }
    }

    private async Task CostAsync(CancellationToken cancel)
    {
        (List<(double Rate, double Speed)> off, List<(double Rate, double Speed)> on) = await new NetworkCost(Pairs, progress).MeasureAsync(cancel);
        double[] effects = [.. on.Zip(off, (with, without) => Math.Log(with.Rate / with.Speed / (without.Rate / without.Speed))).Where(double.IsFinite)];
        await output.WriteLineAsync("| one tenant of nginx over veth, 4 connections, no limit | payload without classes, median | with | with / without at equal speed | pairs |");
        await output.WriteLineAsync("|---|---|---|---|---|");
        await output.WriteLineAsync(Say($"| | {Gigabits(off)} | {Gigabits(on)} | {MeanEffect.Of(effects)} | {effects.Length} |"));

        static string Gigabits(List<(double Rate, double Speed)> windows) => Say($"{Measurement.Median(windows.Select(one => one.Rate)) / 1e9:F2} gbit/s");
    }

    private async Task ClassesAsync(CancellationToken cancel)
    {
        (double Without, double With, double Classes)[] all = await NetworkSetUp.ClassesAsync(Classes, rounds, progress, cancel);
        await output.WriteLineAsync(Say($"| {Classes} virtual services, {rounds} rounds | classes and filter alone | start of the enforcer without a device | with it |"));
        await output.WriteLineAsync("|---|---|---|---|");
        await output.WriteLineAsync(Say($"| median (longest) | {Of(one => one.Classes)} | {Of(one => one.Without)} | {Of(one => one.With)} |"));

        string Of(Func<(double Without, double With, double Classes), double> what) => Say($"{Measurement.Median(all.Select(what)):F3} ({all.Max(what):F3}) s");
    }

    private async Task CyclesAsync(CancellationToken cancel)
    {
        (KernelCensus before, KernelCensus after) = await NetworkSetUp.CyclesAsync(Cycles, progress, cancel);
        await output.WriteLineAsync(Say($"| {Cycles} cycles of start and stop, every fourth without a stop | disciplines | filters | pins | cgroups | mounts | BPF programs | maps | attachments |"));
        await output.WriteLineAsync("|---|---|---|---|---|---|---|---|---|");
        foreach ((string when, KernelCensus one) in (IEnumerable<(string, KernelCensus)>)[("before", before), ("after", after)])
            await output.WriteLineAsync(Say($"| {when} | {one.Disciplines} | {one.Filters} | {one.Pins} | {one.Groups} | {one.Mounts} | {one.Programs} | {one.Maps} | {one.Links} |"));
    }

    private static string Name(bool loopback) => loopback ? "lo" : "veth";

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
