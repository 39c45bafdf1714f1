using System.Globalization;
using VirtualServices.Enforce;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Linux.Bpf;
using VirtualServices.Model;
using Governor = VirtualServices.Enforce.Enforcer;

namespace VirtualServices.Bench;

/// <summary>
/// Nanoseconds of each gate program for each run, as the kernel measures them, with few and with many virtual services, rules and connections. What the kernel measures
/// for a program that does nothing is taken off: it is measured in the same runs.
/// </summary>
internal sealed class GateNanoseconds(int rounds, TextWriter output, TextWriter progress)
{
    private const int Calls = 300_000;

    private static readonly string[] Programs = ["on_receive", "on_sending", "on_sent", "on_switch", "on_queue", "on_ready"];

    // Services times virtual services is the number of rules: a service has one for each requester.
    private static readonly (string Name, int VirtualServices, int Services, int Connections)[] Sizes = [("10 virtual services, 10 rules, 1 connection", 10, 1, 0), ("10,000 virtual services, 100,000 rules, 100,000 connections", 10_000, 10, 100_000)];

    /// <summary>Measures and writes the table.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        string folder = Directory.CreateTempSubdirectory("vs-bench-").FullName;
        try
        {
            string program = await CProgram.CompileAsync("connections", folder, cancel);
            await output.WriteLineAsync("| | program | governed: ns a run | stranger: ns a run | runs |");
            await output.WriteLineAsync("|---|---|---|---|---|");
            foreach ((string name, int virtualServices, int services, int connections) in Sizes)
            {
                await progress.WriteLineAsync(name);
                foreach (string line in Measure(program, name, virtualServices, services, connections, cancel)) await output.WriteLineAsync(line);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private IEnumerable<string> Measure(string program, string name, int virtualServices, int services, int idle, CancellationToken cancel)
    {
        using Connections governed = new(program, idle), strangers = new(program, 0);
        Governor enforcer = Governor.Start(Rules(governed, virtualServices, services), new EnforceOptions(Audit: true, progress.WriteLine), cancel);
        try
        {
            using BpfObject floor = LoadFloor(out BpfProgram nothing);
            using BpfLink attached = floor.Attach("nothing");
            using BpfProgram nothingOwner = nothing;
            using BpfStatistics measuring = new();
            List<Dictionary<string, Cost>> own = [], others = [];
            for (int i = 0; i < rounds; i++)
            {
                own.Add(Costs(governed, nothing));
                others.Add(Costs(strangers, nothing));
            }

            GateCount gate = enforcer.Status().Gates.First(gate => gate.Hits > 0);
            if (gate.Unknown > 0 || gate.Hits < (long)rounds * Calls) throw new VsException(ExitCode.DoesNotHold, $"bench: not what was to be measured: {gate}");
            yield return Say($"| {name} | measuring itself, taken off below | {own.Average(round => round[Programs[0]].Floor):F0} | {others.Average(round => round[Programs[0]].Floor):F0} | |");
            foreach (string one in Programs)
                if (own.Sum(round => round[one].Runs) > rounds) yield return Say($"| {name} | `{one}` | {Median(own, one)} | {Median(others, one)} | {own.Sum(round => round[one].Runs)} |");
        }
        finally
        {
            enforcer.Stop();
        }
    }

    // One service has the processes; the others make the tables as large as is asked for.
    private static RuleSet Rules(Connections governed, int virtualServices, int services)
    {
        string[] names = [.. Enumerable.Range(0, virtualServices).Select(i => Say($"tenant-{i}"))];
        VirtualService[] all = [.. names.Select(name => Tenant(name, name == names[virtualServices / 2] ? [Pid(governed.Client)] : [])), Tenant(VirtualService.BestEffort, [])];
        Service[] shared = [.. Enumerable.Range(0, services).Select(i => new Service(Say($"service-{i}"), [i == services / 2 ? Pid(governed.Server) : new Selector(SelectorKind.Listen, Say($"tcp/{i + 1}"))]))];
        Gate[] gates = [.. shared.Select(service => new Gate(service.Name, service.Name, GateCall.Receive, new GateCondition(null, names), new Classification(ClassificationKind.Requester), BindScope.Process, GateState.Approved, null, GateReview.None))];
        return new RuleSet(all, shared, gates);
    }

    /// <summary>A virtual service without shares.</summary>
    internal static VirtualService Tenant(string name, Selector[] doors) => new(name, null, 0, new CpuShare(), new NetworkShare(), null, doors);

    /// <summary>Chooses a process.</summary>
    internal static Selector Pid(int pid) => new(SelectorKind.Pid, Say($"{pid}"));

    private static Dictionary<string, Cost> Costs(Connections connections, BpfProgram nothing)
    {
        Dictionary<string, ProgramRuns> before = Programs.ToDictionary(one => one, one => BpfStatistics.Of(Pins.Default.Link(one)));
        ProgramRuns floorBefore = BpfStatistics.Of(nothing);
        connections.Run(Calls);
        ProgramRuns floor = BpfStatistics.Of(nothing) - floorBefore;
        double nothingNs = (double)floor.Nanoseconds / floor.Runs;
        return before.ToDictionary(one => one.Key, one =>
        {
            ProgramRuns runs = BpfStatistics.Of(Pins.Default.Link(one.Key)) - one.Value;
            return new Cost(runs.Runs, (double)runs.Nanoseconds / Math.Max(1, runs.Runs) - nothingNs, nothingNs);
        });
    }

    private static string Median(List<Dictionary<string, Cost>> rounds, string program)
    {
        double[] sorted = [.. rounds.Select(round => round[program].Nanoseconds).Order()];
        return Say($"{sorted[sorted.Length / 2]:F0} ({sorted[0]:F0}-{sorted[^1]:F0})");
    }

    private static BpfObject LoadFloor(out BpfProgram nothing)
    {
        using Stream stream = typeof(GateNanoseconds).Assembly.GetManifestResourceStream("floor.bpf.o")!;
        byte[] image = new byte[stream.Length];
        stream.ReadExactly(image);
        BpfObject floor = BpfObject.Open(image, "floor");
        floor.Load();
        nothing = floor.Program("nothing");
        return floor;
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <param name="Runs">Runs in one round.</param>
    /// <param name="Nanoseconds">For each, without what measuring takes.</param>
    /// <param name="Floor">What measuring takes.</param>
    private readonly record struct Cost(long Runs, double Nanoseconds, double Floor);
}
