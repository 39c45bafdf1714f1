using System.CommandLine;
using VirtualServices.Enforce;
using VirtualServices.Model;

namespace VirtualServices.Cli.Commands;

/// <summary><c>vs stop</c>: ends what is enforced and puts everything back.</summary>
internal static class StopCommand
{
    public static Command Create(CommandContext context)
    {
        var command = new VsCommand(
            "stop",
            "Ends what is enforced, also what a killed enforcer left behind: moves processes back to their cgroups and removes gates, cgroups, pins and mount.",
            "vs stop");
        command.Run(_ => Run(context));
        return command;
    }

    internal static ExitCode Run(CommandContext context)
    {
        context.FinishWhateverComes("still putting everything back");
        context.Error.WriteLine(EnforcementStop.Run(context.Error.WriteLine) ? "stopped: everything is back where it was" : "nothing was enforced");
        return ExitCode.Done;
    }
}
