using System.CommandLine;
using VirtualServices.Cli.Top;
using VirtualServices.Enforce;
using VirtualServices.Linux.Processes;
using VirtualServices.Model;
using VirtualServices.Rules;

namespace VirtualServices.Cli.Commands;

/// <summary><c>vs top</c>: live shares of the virtual services.</summary>
internal static class TopCommand
{
    private const int PlainWidth = 120;

    internal sealed record Arguments(TimeSpan Interval, int Count, TopSort Sort, bool NoServices, bool Json);

    public static Command Create(CommandContext context)
    {
        var interval = new Option<string>("--interval") { Description = "Time between pictures", HelpName = "TIME", DefaultValueFactory = _ => "1s" };
        var count = new Option<int>("--count") { Description = "End after so many intervals; 0: go on", HelpName = "N" };
        var sort = new Option<TopSort>("--sort") { Description = "Order of siblings", HelpName = "used|entitled|requests|waiting|unknown|name" };
        var noServices = new Option<bool>("--no-services") { Description = "Virtual services only" };
        var json = new Option<bool>("--json") { Description = "Print one JSON document a line for each interval" };
        var command = new VsCommand(
            "top",
            """
            Shows live what each virtual service uses and may use, with the services below it. Works when the enforcer is dead, too; without a terminal it prints a table for each interval.
            USED% and ENTI% are of all CPUs of the machine: used, and entitled by the weights of those that are active now ('-': idle). WAIT: threads ready to run that wait for a processor, on average.
            UNKN/S: requests whose requester is not known, charged to best effort. HISTORY: USED%, one mark an interval. A parent's figures contain its children's.
            Keys: q or Esc ends; sort by u used, e entitled, r requests, w waiting, k unknown, n name; s services on and off; space halts the picture; arrows, page keys and Home scroll.
            """,
            "vs top\nvs top --interval 5s --sort waiting\nvs top --json --count 1")
        { interval, count, sort, noServices, json };
        command.Run(result => Run(
            new Arguments(Interval(result.GetValue(interval)!), result.GetValue(count), result.GetValue(sort), result.GetValue(noServices), result.GetValue(json)),
            context,
            StatusReader.Read,
            OnlineCpus.Count()));
        return command;
    }

    internal static ExitCode Run(Arguments arguments, CommandContext context, Func<EnforcementStatus> read, int cpus)
    {
        if (arguments.Count < 0) throw new VsException(ExitCode.Usage, "top: --count takes 0 or more");
        TopView view = new(cpus) { Sort = arguments.Sort, Services = !arguments.NoServices };
        TopLoop loop = new(context, read, arguments.Interval, arguments.Count);
        if (arguments.Json) loop.RunPlain(view, () => TopJson.Write(context.Out, context.Clock.GetUtcNow(), view.Seconds, cpus, view.Status, view.Rates));
        else if (context.Terminal.IsInteractive && context.Variable("TERM") != "dumb") loop.RunInteractive(view);
        else loop.RunPlain(view, () => WriteTable(view, context));
        return ExitCode.Done;
    }

    private static void WriteTable(TopView view, CommandContext context)
    {
        context.Out.WriteLine(view.Title(context.Clock.GetUtcNow()));
        context.Out.WriteLine(StatusReader.Describe(view.Status));
        foreach (string line in view.Table(PlainWidth)) context.Out.WriteLine(line.TrimEnd());
        context.Out.WriteLine();
        context.Out.Flush();
    }

    private static TimeSpan Interval(string text)
    {
        const int LeastMilliseconds = 100;
        if (!Units.TryParseDuration(text, out TimeSpan interval) || interval.TotalMilliseconds < LeastMilliseconds || interval > TimeSpan.FromHours(1))
            throw new VsException(ExitCode.Usage, $"top: --interval '{text}' is not a time from 100ms to 3600s, such as 1s or 500ms");
        return interval;
    }
}
