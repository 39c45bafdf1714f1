using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using VirtualServices.Discover.Recording;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;
using VirtualServices.Rules;

namespace VirtualServices.Cli.Commands;

/// <summary><c>vs record</c>: records a session.</summary>
internal static class RecordCommand
{
    private static readonly TimeSpan PlainProgressInterval = TimeSpan.FromSeconds(5);

    internal sealed record Arguments(string Output, IReadOnlyList<string> Selectors, string? Duration, string Level, string Packets, int PayloadBytes, bool FailOnLoss, IReadOnlyList<string> Command);

    public static Command Create(CommandContext context)
    {
        var output = new Option<string>("--output", "-o") { Description = "Session folder to make", Required = true }.Path();
        var service = new Option<string[]>("--service") { Description = "[NAME=]KIND:VALUE with KIND unit, cgroup, pid (with descendants), exe, uid or listen (tcp/5432, udp/53, unix//run/x.sock); may be given several times", DefaultValueFactory = _ => [] };
        var duration = new Option<string?>("--duration") { Description = "End after this time, such as 30s; without it at Ctrl-C or when COMMAND exits" };
        var level = new Option<string>("--level") { Description = "syscalls: every call, with descriptor, enter time and duration, pipes too; slows the system calls of the whole host while it runs. sockets: what TCP, UDP and unix sockets tell of receive, send, accept, connect, close, also by io_uring; no descriptor, enter time or duration, no pipes, accept at first use, no close of unix sockets", DefaultValueFactory = _ => "syscalls" };
        var packets = new Option<string>("--packets") { Description = "Interfaces to capture packets on, NAME[@NETNS] with commas between: any, none, or such as eth0,near0@shop. Headers of the recorded services' TCP and UDP packets are kept: addresses, ports, lengths, times", DefaultValueFactory = _ => "none" };
        var payload = new Option<int>("--payload") { Description = "Keep up to so many bytes of what each packet carries, too: whoever reads the session then reads what was said, passwords and cookies among it", HelpName = "BYTES", DefaultValueFactory = _ => 0 };
        var failOnLoss = new Option<bool>("--fail-on-loss") { Description = "Exit code 1 where events or packets were lost, or an interface went away" };
        var words = new Argument<string[]>("SELECTOR") { Description = "As for --service; after -- the command to start and record", Arity = ArgumentArity.ZeroOrMore };
        var command = new VsCommand(
            "record",
            "Records who asks whom: calls on sockets and pipes of the selected services only, with processes and sockets that were there before. What was said is not recorded, except by --payload. Ends cleanly at Ctrl-C.",
            "vs record -o session --service db=listen:tcp/5432 --service shop=unit:shop-web.service --duration 30s\nvs record -o session exe:/usr/sbin/nginx -- ./load-test.sh\nvs record -o session db=listen:tcp/5432 --packets lo,eth0 --duration 30s")
        { words, output, service, duration, level, packets, payload, failOnLoss };
        command.Run(result =>
        {
            string[] started = AfterDoubleDash(result);
            string[] given = result.GetValue(words) ?? [];
            return Run(
                new Arguments(
                    result.GetValue(output)!,
                    [.. result.GetValue(service) ?? [], .. given[..^started.Length]],
                    result.GetValue(duration),
                    result.GetValue(level)!,
                    result.GetValue(packets)!,
                    result.GetValue(payload),
                    result.GetValue(failOnLoss),
                    started),
                context);
        });
        return command;
    }

    internal static ExitCode Run(Arguments arguments, CommandContext context)
    {
        RecordLevel level = arguments.Level switch
        {
            "syscalls" => RecordLevel.Syscalls,
            "sockets" => RecordLevel.Sockets,
            _ => throw new VsException(ExitCode.Usage, $"--level {arguments.Level}: expected syscalls or sockets"),
        };
        IReadOnlyList<PacketInterface> packets = PacketsOption.Parse(arguments.Packets, arguments.PayloadBytes);
        TimeSpan? duration = null;
        if (arguments.Duration is not null)
        {
            if (!Units.TryParseDuration(arguments.Duration, out TimeSpan parsed)) throw new VsException(ExitCode.Usage, $"--duration {arguments.Duration}: expected {Units.DurationExpected}");
            duration = parsed;
        }

        TimeSpan lastPlain = TimeSpan.Zero;
        RecorderOptions options = new(arguments.Output, ServiceNames.Parse(arguments.Selectors))
        {
            Duration = duration,
            Level = level,
            Packets = packets,
            PayloadBytes = arguments.PayloadBytes,
            Command = arguments.Command,
            Warn = sentence => context.Error.WriteLine(Printable.Text(sentence)),
            Started = () => context.Error.WriteLine($"recording to {arguments.Output}{(duration is null && arguments.Command.Count == 0 ? "; Ctrl-C ends it" : "")}"),
            Progress = progress =>
            {
                if (context.Terminal.IsInteractive) context.Error.Write($"\r{Line(progress)}  ");
                else if (progress.Elapsed - lastPlain >= PlainProgressInterval)
                {
                    lastPlain = progress.Elapsed;
                    context.Error.WriteLine(Line(progress));
                }
            },
        };
        RecordResult result = Recorder.Run(options, context.Cancellation);
        if (context.Terminal.IsInteractive) context.Error.WriteLine();
        double seconds = (result.Session.Clock.EndNs - result.Session.Clock.StartNs) / 1e9;
        context.Error.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"recorded {result.Events:N0} events in {seconds:F1} s to {arguments.Output} ({result.Bytes:N0} bytes), {result.Lost:N0} lost{OfPackets(result.Session)}{OfCommand(arguments.Command, result.CommandExitCode)}"));
        if (result.Lost > 0) context.Error.WriteLine("Lost events make relations uncertain: record fewer services, or a shorter time.");
        return arguments.FailOnLoss && IsLossy(result.Session) ? ExitCode.DoesNotHold : ExitCode.Done;
    }

    internal static string OfCommand(IReadOnlyList<string> command, int? exitCode) => exitCode switch
    {
        null when command.Count > 0 => "; the command still ran and was ended",
        null or 0 => "",
        _ => string.Create(CultureInfo.InvariantCulture, $"; the command exited with {exitCode}"),
    };

    /// <summary>Events or packets are missing; how many came on an interface that was not read to the end nobody knows.</summary>
    internal static bool IsLossy(SessionInfo session) =>
        session.LostEvents() + session.LostPackets() > 0 || session.Packets is { } packets && packets.Interfaces.Any(one => one.Failure.Length > 0);

    private static string OfPackets(SessionInfo session) => session.Packets is null
        ? ""
        : string.Create(CultureInfo.InvariantCulture, $"; {session.Counts.First(count => count.Source == PacketsInfo.Source).Events:N0} packets, {session.LostPackets():N0} lost");

    private static string Line(RecordProgress progress) => string.Create(
        CultureInfo.InvariantCulture,
        $"{progress.Elapsed.TotalSeconds,5:F0} s  {progress.Events,12:N0} events  {progress.EventsPerSecond,10:N0}/s  {progress.Lost:N0} lost  {progress.Bytes / 1e6:F1} MB{(progress.Packets is { } packets ? string.Create(CultureInfo.InvariantCulture, $"  {packets:N0} packets  {progress.PacketsLost:N0} lost") : "")}");

    /// <summary>The parser puts what stands after "--" among the selectors; the tokens tell where it began.</summary>
    private static string[] AfterDoubleDash(ParseResult result)
        => [.. result.Tokens.SkipWhile(token => token.Type != TokenType.DoubleDash).Skip(1).Select(token => token.Value)];
}
