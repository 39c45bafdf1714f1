using System.CommandLine;

namespace VirtualServices.Cli.Commands;

/// <summary>All commands: one line here, one file beside this one.</summary>
internal static class VsCommands
{
    private static readonly (string Name, Func<CommandContext, Command> Create)[] All =
    [
        ("doctor", DoctorCommand.Create),
        ("record", RecordCommand.Create),
        ("import", ImportCommand.Create),
        ("join", JoinCommand.Create),
        ("show", ShowCommand.Create),
        ("infer", InferCommand.Create),
        ("review", ReviewCommand.Create),
        ("approve", VerdictCommand.CreateApprove),
        ("reject", VerdictCommand.CreateReject),
        ("check", CheckCommand.Create),
        ("replay", ReplayCommand.Create),
        ("enforce", EnforceCommand.Create),
        ("stop", StopCommand.Create),
        ("status", StatusCommand.Create),
        ("top", TopCommand.Create),
        ("explain", ExplainCommand.Create),
        ("assign", AssignCommand.Create),
        ("demo", DemoCommand.Create),
    ];

    /// <summary>The named command alone, so that the program starts fast; all where the name is none of them (help, typing errors).</summary>
    public static IEnumerable<Command> Create(string name, CommandContext context)
    {
        foreach ((string known, Func<CommandContext, Command> create) in All)
        {
            if (known == name) return [create(context)];
        }

        return All.Select(command => command.Create(context));
    }
}
