using System.CommandLine;
using VirtualServices.Model;
using VirtualServices.Rules;

namespace VirtualServices.Cli.Commands;

/// <summary><c>vs review</c>: goes through the proposals at the terminal. Each verdict is written at once, so that quitting loses nothing.</summary>
internal static class ReviewCommand
{
    internal sealed record Arguments(string Rules, string By);

    public static Command Create(CommandContext context)
    {
        var rules = new Argument<string>("RULES") { Description = "The rule file" }.Path();
        var by = new Option<string>("--by") { Description = "Who decides; else the name of the user", HelpName = "NAME" };
        var command = new VsCommand(
            "review", "Goes through the proposed gates at the terminal: evidence, effect; approve, reject, edit or skip each.", "vs review rules.yaml --by \"Ada Lovelace\"")
        { rules, by };
        command.Run(result => Run(new Arguments(result.GetRequiredValue(rules), result.GetValue(by) ?? UserName(context)), context));
        return command;
    }

    internal static ExitCode Run(Arguments arguments, CommandContext context)
    {
        if (!context.Terminal.IsInteractive)
            throw new VsException(ExitCode.Usage, $"review needs a terminal; scripts use: vs approve {arguments.Rules} --gate ID... --by NAME, or vs reject");
        Reviewer.Check(arguments.By);

        RuleDocument document = RuleFile.Load(arguments.Rules);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        int approved = 0;
        int rejected = 0;
        bool quit = false;
        while (!quit && Next(document, seen) is { } gate)
        {
            GateCard.Show(context.Console, document, gate, seen.Count + 1, seen.Count + document.Rules.Gates.Count(other => IsOpen(document, other, seen)));
            switch (Ask(context))
            {
                case 'a':
                    document = Decide(document, gate, GateState.Approved, arguments.By, context);
                    approved++;
                    seen.Add(gate.Id);
                    break;
                case 'r':
                    document = Decide(document, gate, GateState.Rejected, arguments.By, context);
                    rejected++;
                    seen.Add(gate.Id);
                    break;
                case 'e':
                    document = RuleFileEdit.Run(document, gate, context) ?? document;
                    break;
                case 's':
                    seen.Add(gate.Id);
                    break;
                default:
                    quit = true;
                    break;
            }
        }

        int open = document.Rules.Gates.Count(gate => document.EffectiveState(gate) == GateState.Proposed);
        context.Out.WriteLine($"{document.Path}: {approved} approved, {rejected} rejected now; {open} still proposed");
        return ExitCode.Done;
    }

    private static Gate? Next(RuleDocument document, HashSet<string> seen) => document.Rules.Gates.FirstOrDefault(gate => IsOpen(document, gate, seen));

    private static bool IsOpen(RuleDocument document, Gate gate, HashSet<string> seen) => document.EffectiveState(gate) == GateState.Proposed && !seen.Contains(gate.Id);

    private static RuleDocument Decide(RuleDocument document, Gate gate, GateState state, string by, CommandContext context)
    {
        RuleDocument edited = RuleEditor.Apply(
            document, new Dictionary<string, GateVerdict> { [gate.Id] = RuleEditor.MakeVerdict(document, gate, state, by, "", context.Clock) });
        RuleEditor.Save(document, edited);
        return edited;
    }

    /// <summary>One of a, r, e, s, q; the end of input and Ctrl-C count as q.</summary>
    private static char Ask(CommandContext context)
    {
        context.Out.Write("[a]pprove  [r]eject  [e]dit  [s]kip  [q]uit ? ");
        while (true)
        {
            context.Out.Flush();
            ConsoleKeyInfo? key = context.Terminal.ReadKey();
            bool stop = key is null || (key.Value.Key == ConsoleKey.C && key.Value.Modifiers.HasFlag(ConsoleModifiers.Control));
            char c = stop ? 'q' : char.ToLowerInvariant(key!.Value.KeyChar);
            if (c is not ('a' or 'r' or 'e' or 's' or 'q')) continue;
            context.Out.WriteLine(c);
            return c;
        }
    }

    /// <summary>Under sudo the person is the one who called it, not root.</summary>
    private static string UserName(CommandContext context) => context.Variable("SUDO_USER") is { Length: > 0 } caller ? caller : Environment.UserName;
}
