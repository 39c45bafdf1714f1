using System.CommandLine;
using VirtualServices.Cli.Demo;
using VirtualServices.Model;

namespace VirtualServices.Cli.Commands;

/// <summary><c>vs demo</c>: the main job on real servers of this machine.</summary>
internal static class DemoCommand
{
    public static Command Create(CommandContext context)
    {
        DemoOptions usual = new();
        var output = new Option<string?>("--output", "-o") { Description = "Folder for session, rules and report; a new one below the temporary folder where none is named" }.Path();
        var seconds = new Option<int>("--seconds") { Description = "Length of each measured window", DefaultValueFactory = _ => usual.WindowSeconds };
        var rounds = new Option<int>("--rounds") { Description = "How often each arrangement has its turn; its figures are the median over them", DefaultValueFactory = _ => usual.Rounds };
        var json = new Option<bool>("--json") { Description = "Print one JSON document" };
        var command = new VsCommand(
            "demo",
            "Starts a PostgreSQL of its own with two tenants, records them, infers and approves the rules, enforces them, and measures what it buys: the victim alone, a cgroup per tenant, virtual services. Takes under three minutes. Exit code 1: what is promised does not hold.",
            "vs demo\nvs demo --json > demo.json")
        { output, seconds, rounds, json };
        command.Run(async result =>
        {
            DemoOptions options = new(result.GetValue(output), result.GetValue(seconds), result.GetValue(rounds));
            if (options.WindowSeconds is < 1 or > 60) throw new VsException(ExitCode.Usage, "demo: --seconds takes 1 to 60");
            if (options.Rounds is < 1 or > 20) throw new VsException(ExitCode.Usage, "demo: --rounds takes 1 to 20");
            context.FinishWhateverComes("still ending what the demo started; kill -9 would leave its servers running");
            DemoReport report = await new DemoRun(options, context.Error).RunAsync(context.Cancellation);
            return Conclude(report, result.GetValue(json), context.Out);
        });
        return command;
    }

    /// <summary>Tells what was found, and whether what is promised holds.</summary>
    internal static ExitCode Conclude(DemoReport report, bool json, TextWriter output)
    {
        if (json) report.WriteJson(output);
        else report.WriteText(output);
        return report.Holds ? ExitCode.Done : ExitCode.DoesNotHold;
    }
}
