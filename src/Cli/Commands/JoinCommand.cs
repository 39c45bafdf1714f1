using System.CommandLine;
using System.Globalization;
using VirtualServices.Discover.Joining;
using VirtualServices.Model;

namespace VirtualServices.Cli.Commands;

/// <summary><c>vs join</c>: one session of several recordings.</summary>
internal static class JoinCommand
{
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(2);

    public static Command Create(CommandContext context)
    {
        var sessions = new Argument<string[]>("DIR") { Description = "Recordings of the same time, of one or more hosts", Arity = ArgumentArity.OneOrMore }.Path();
        var output = new Option<string>("--output", "-o") { Description = "Session folder to make", Required = true }.Path();
        var command = new VsCommand(
            "join",
            "Makes one session of several recordings, so that work is followed from host to host. That takes packets of both (vs record --packets): they prove by sequence numbers which connections are the same, and tell how far the hosts' clocks are apart. Addresses alone join nothing between hosts.",
            "vs join frontend database -o both\nvs infer both -o rules.yaml")
        { sessions, output };
        command.Run(result =>
        {
            string folder = result.GetValue(output)!;
            long said = context.Clock.GetTimestamp();
            JoinResult joined = SessionJoin.Run(result.GetValue(sessions)!, folder, Say, context.Cancellation);
            foreach (string clock in joined.Clocks) context.Error.WriteLine(Printable.Text(clock));
            foreach (string cut in joined.Cut) context.Error.WriteLine(Printable.Text($"{cut} was cut: of it, what came before the cut is joined"));
            context.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"joined {joined.Events:N0} events to {folder}; {joined.Proven:N0} connections between sessions proven by sequence numbers, {joined.Apart:N0} with the same addresses are others"));
            return ExitCode.Done;

            void Say(string done)
            {
                if (context.Clock.GetElapsedTime(said) < ProgressInterval) return;
                said = context.Clock.GetTimestamp();
                context.Error.WriteLine(Printable.Text(done));
            }
        });
        return command;
    }
}
