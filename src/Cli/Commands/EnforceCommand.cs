using System.CommandLine;
using System.Globalization;
using VirtualServices.Cli.Metrics;
using VirtualServices.Enforce;
using VirtualServices.Linux.Processes;
using VirtualServices.Model;
using VirtualServices.Rules;

namespace VirtualServices.Cli.Commands;

/// <summary><c>vs enforce</c>: loads the approved gates and keeps them enforced until stopped.</summary>
internal static class EnforceCommand
{
    private const int Nice = -10;
    private static readonly TimeSpan SummaryPeriod = TimeSpan.FromSeconds(5);

    internal sealed record Arguments(string Rules, bool Audit, string? Metrics, IReadOnlyList<string> Devices);

    public static Command Create(CommandContext context)
    {
        var rules = new Argument<string>("RULES") { Description = "The rule file; its approved gates are enforced" }.Path();
        var audit = new Option<bool>("--audit") { Description = "Classify and count only: nothing is moved, no cgroup is made" };
        var metrics = new Option<string?>("--metrics") { Description = "Serve metrics to Prometheus at http://ADDRESS/metrics, such as 127.0.0.1:9464; off where not given. Whoever reaches the address can read them: choose a loopback address", HelpName = "ADDRESS" };
        var device = new Option<string[]>("--device") { Description = "Govern this network device, too: NAME[@NETNS][=RATE], with * for several; repeatable", DefaultValueFactory = _ => [] };
        var command = new VsCommand(
            "enforce",
            "Loads the approved gates and keeps them enforced until Ctrl-C, SIGTERM or 'vs stop', which put everything back. After a kill -9 the gates go on classifying and the next start takes over.",
            "vs enforce rules.yaml\nvs enforce rules.yaml --audit\nvs enforce rules.yaml --metrics 127.0.0.1:9464\nvs enforce rules.yaml --device eth0 --device lo=10gbit --device 'veth*@shop=1gbit'")
        { rules, audit, metrics, device };
        command.Run(result => RunAsync(new Arguments(result.GetValue(rules)!, result.GetValue(audit), result.GetValue(metrics), result.GetValue(device)!), context));
        return command;
    }

    internal static async Task<ExitCode> RunAsync(Arguments arguments, CommandContext context)
    {
        GoAhead();
        MetricsAddress? address = arguments.Metrics is null ? null : MetricsAddress.Parse(arguments.Metrics);
        RuleDocument document = Load(arguments.Rules, context);
        RuleSet rules = EnforceFindings.Effective(document);
        rules = rules with { Devices = [.. arguments.Devices.Select(Device), .. rules.Devices] };
        EnforceFindings.Refuse(document, rules, arguments.Audit);

        // Only from here on: reading and checking a large file takes a while, leaves nothing behind, and dies of a signal as any program does.
        context.FinishWhateverComes("still putting everything back; kill -9 ends this at once, and 'vs stop' does the rest then");
        int approved = rules.Gates.Count(gate => gate.State == GateState.Approved);
        if (approved == 0) context.Error.WriteLine($"{arguments.Rules} has no approved gate: only front doors are put into their virtual services");

        // Before anything is enforced: an address that is taken must not leave half a start behind.
        Enforcer? running = null;
        using MetricsServer? server = address is null ? null : MetricsServer.Start(address, () => running?.Status() ?? EnforcementStatus.Nothing, context.Clock);
        if (address is not null) context.Error.WriteLine($"metrics at http://{address}/metrics{(address.IsLoopback ? "" : ": not a loopback address, so other hosts may read them")}");
        using Enforcer enforcer = running = Enforcer.Start(rules, new EnforceOptions(arguments.Audit, context.Error.WriteLine), context.Cancellation);
        context.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{(arguments.Audit ? "auditing" : "enforcing")} {approved} gates for {rules.VirtualServices.Count - 1} virtual services; Ctrl-C puts everything back"));
        try
        {
            await WaitAsync(enforcer, context).ConfigureAwait(false);
        }
        finally
        {
            server?.Dispose(); // it reads from what is taken away now
            enforcer.Stop();
        }

        context.Error.WriteLine("stopped: everything is back where it was");
        return ExitCode.Done;
    }

    // Nobody whom it governs may keep it from governing. Without it a start beside tenants that take all they can took five times as long (docs/shares.md).
    private static void GoAhead()
    {
        if (ThreadScheduling.Nice != 0) return; // given on purpose
        ThreadScheduling.SetNice(Nice); // this thread's, and that of all that it starts
        if (SessionScheduling.IsLed) SessionScheduling.SetNice(Nice);
    }

    private static GovernedDevice Device(string text) =>
        DeviceText.TryParse(text, out GovernedDevice device) ? device : throw new VsException(ExitCode.Usage, $"--device '{text}': expected {DeviceText.Expected}");

    // A gate that nobody approved is not loaded, so its errors are no reason to leave the others unenforced. One that says approved and was edited since is: the file asks for it.
    private static RuleDocument Load(string path, CommandContext context)
    {
        RuleDocument document = RuleFile.Load(path);
        HashSet<string> idle = [.. document.Rules.Gates.Where(gate => gate.State != GateState.Approved).Select(gate => $"gate '{gate.Id}'")];
        ILookup<bool, Finding> found = RuleChecker.Check(document, new HostCapacity(OnlineCpus.Count())).Where(finding => finding.Severity == Severity.Error).ToLookup(finding => idle.Contains(finding.Subject));
        foreach (Finding error in found[true]) context.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{document.Path}:{error.Line}: warning: {error.Subject} is not approved and not enforced: {error.Text}"));
        Finding[] errors = [.. found[false]];
        if (errors.Length > 0)
            throw new VsException(ExitCode.BadInput, string.Join(Environment.NewLine, errors.Select(error => string.Create(CultureInfo.InvariantCulture, $"{document.Path}:{error.Line}: {error.Subject}: {error.Text}"))));
        return document;
    }

    private static async Task WaitAsync(Enforcer enforcer, CommandContext context)
    {
        CancellationToken cancellation = context.Cancellation;
        while (true)
        {
            Task ended = await Task.WhenAny(enforcer.Completion, Task.Delay(SummaryPeriod, cancellation)).ConfigureAwait(false);
            if (ended == enforcer.Completion) await ended.ConfigureAwait(false);
            if (cancellation.IsCancellationRequested) return;
            if (context.Terminal.IsInteractive) context.Error.WriteLine(Summary(enforcer.Status()));
        }
    }

    private static string Summary(EnforcementStatus status)
    {
        IEnumerable<string> shares = status.VirtualServices.Select(vs => string.Create(CultureInfo.InvariantCulture, $"{vs.Name} {vs.CpuNs / 1e9:F1} s"));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"CPU {string.Join(", ", shares)} · {status.Gates.Sum(gate => gate.Hits)} calls passed gates, {status.Gates.Sum(gate => gate.Rebinds)} re-binds · moved in {status.Mover.P50Ns / 1e3:F0} µs (p99 {status.Mover.P99Ns / 1e3:F0})");
    }
}
