using System.Diagnostics;
using System.Globalization;
using VirtualServices.Cli.Demo;
using VirtualServices.Enforce;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Linux.Bpf;
using VirtualServices.Model;
using Governor = VirtualServices.Enforce.Enforcer;

namespace VirtualServices.Bench;

/// <summary>
/// What the gates add to a turn, a request of a byte and its answer over TCP between two processes on one processor: two sends, two receives, two switches. The gate programs are detached and attached
/// again between pieces of some tens of milliseconds, off, on, on, off, ...; the difference of neighbours is taken. It holds what the kernel's own measurement of a program leaves out: the way into it.
/// Where client and server touch more memory than the caches hold in between, what the programs need is in no cache, as beside a database.
/// </summary>
internal sealed class TurnCost(int pairs, string[] parts, TextWriter output, TextWriter progress)
{
    // A piece of 30 to 80 ms, whatever is touched.
    private static readonly (int Touched, int Turns)[] Loads = [(0, 4000), (512 << 10, 1500)];
    private const int AfterSwitch = 200;

    /// <summary>Measures and writes the table.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        string folder = Directory.CreateTempSubdirectory("vs-bench-").FullName;
        try
        {
            string program = await CProgram.CompileAsync("connections", folder, cancel);
            await output.WriteLineAsync("| memory read before each send | a turn, gates off | on | more: median of the differences, with its error | pairs |");
            await output.WriteLineAsync("|---|---|---|---|---|");
            foreach ((int touched, int turns) in Loads)
            {
                await progress.WriteLineAsync(Say($"{touched >> 10} KB: {pairs} pairs"));
                await output.WriteLineAsync(Measure(program, touched, turns, cancel));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private string Measure(string program, int touched, int turns, CancellationToken cancel)
    {
        using Connections connections = new(program, 0, touched);
        Governor enforcer = Governor.Start(Rules(connections), new EnforceOptions(Audit: true, progress.WriteLine), cancel);
        try
        {
            using GateKernel kernel = GateKernel.Open(Pins.Default);
            Dictionary<string, BpfProgram> programs = kernel.OnTracepoints.Where(name => parts is [] || parts.Contains(name)).ToDictionary(name => name, name => BpfProgram.OfLink(Pins.Default.Link(name)));
            List<double> on = [], off = [];
            try
            {
                Switch(on: false);
                for (int i = 0; i < pairs; i++)
                {
                    cancel.ThrowIfCancellationRequested();
                    (i % 2 == 0 ? off : on).Add(Time());
                    Switch(on: i % 2 == 0);
                    (i % 2 == 0 ? on : off).Add(Time());
                }
            }
            finally
            {
                foreach (BpfProgram one in programs.Values) one.Dispose();
            }

            double[] more = [.. on.Zip(off, (with, without) => with - without)];
            double median = Measurement.Median(more);
            return Say($"| {touched >> 10} KB | {Measurement.Median(off):F0} ns | {Measurement.Median(on):F0} ns | {median:F0} ± {ErrorOfMedian(more, median):F0} ns | {pairs} |");

            void Switch(bool on)
            {
                foreach ((string name, BpfProgram one) in programs)
                {
                    if (on) one.AttachTracepoint(Pins.Default.Link(name));
                    else File.Delete(Pins.Default.Link(name));
                }
            }
        }
        finally
        {
            enforcer.Stop();
        }

        double Time()
        {
            connections.TakeTurns(AfterSwitch);
            long begun = Stopwatch.GetTimestamp();
            connections.TakeTurns(turns);
            return Stopwatch.GetElapsedTime(begun).TotalNanoseconds / turns;
        }
    }

    // By the median deviation, which few pieces that somebody else disturbed do not change: 1.4826 of it are a standard deviation, and the median's error is 1.2533 times that of the mean (of a normal distribution).
    private static double ErrorOfMedian(double[] values, double median) =>
        1.2533 * 1.4826 * Measurement.Median([.. values.Select(value => Math.Abs(value - median))]) / Math.Sqrt(values.Length);

    private static RuleSet Rules(Connections connections)
    {
        VirtualService[] all = [GateNanoseconds.Tenant("tenant", [GateNanoseconds.Pid(connections.Client)]), GateNanoseconds.Tenant(VirtualService.BestEffort, [])];
        Service service = new("service", [GateNanoseconds.Pid(connections.Server)]);
        Gate gate = new("gate", service.Name, GateCall.Receive, new GateCondition(new ListenAddress(TransportProtocol.Tcp, null, connections.Port, ""), null), new Classification(ClassificationKind.Requester), BindScope.Process, GateState.Approved, null, GateReview.None);
        return new RuleSet(all, [service], [gate]);
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
