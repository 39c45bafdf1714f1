using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using VirtualServices.Cli.Commands;
using VirtualServices.Model;

namespace VirtualServices.Cli;

/// <summary>Takes the command line apart, runs the command, and turns what went wrong into a message and an exit code: the only place that does.</summary>
internal static class VsProgram
{
    public static async Task<int> RunAsync(IReadOnlyList<string> args, CommandContext context)
    {
        try
        {
            ParseResult result = BuildRoot(args, context).Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
            if (result.Action is not VsHelp)
            {
                RefuseUnknownOptions(result); // first: what follows such an option is taken for something else, and would be blamed instead
                if (result.Action is ParseErrorAction || result.Errors.Count > 0) return (int)Refuse(result, context);
            }

            var invocation = new InvocationConfiguration
            {
                Output = context.Out,
                Error = context.Error,
                EnableDefaultExceptionHandler = false,

                // Signals belong to the context: recording and enforcing take longer to end cleanly than any fixed time.
                ProcessTerminationTimeout = null,
            };
            return await result.InvokeAsync(invocation, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            return (int)Report(e, context.Error);
        }
    }

    internal static ExitCode Report(Exception exception, TextWriter error)
    {
        switch (exception)
        {
            case VsException e:
                // Errors in files begin with file:line, as editors and scripts look for it.
                error.WriteLine(e.ExitCode == ExitCode.BadInput ? e.Message : $"vs: {e.Message}");
                return e.ExitCode;
            case UnauthorizedAccessException e:
                error.WriteLine($"vs: permission denied: {e.Message} (root, or the owner of it, may)");
                return ExitCode.Permission;
            case IOException e:
                error.WriteLine($"vs: reading or writing failed: {e.Message}");
                return ExitCode.HostLacks;
            case OperationCanceledException:
                error.WriteLine("vs: stopped before it was done");
                return ExitCode.DoesNotHold;
            default:
                error.WriteLine("vs: this is a bug: please report it with the command line and the text below");
                error.WriteLine(exception.ToString());
                return ExitCode.Bug;
        }
    }

    private static RootCommand BuildRoot(IReadOnlyList<string> args, CommandContext context)
    {
        var root = new RootCommand("Records who works for whom on this host, proposes gate rules, and enforces the approved ones: shared services are charged to the tenant that asked.");
        foreach (Command command in VsCommands.Create(args.Count > 0 ? args[0] : "", context)) root.Add(command);
        foreach (Option option in root.Options)
        {
            if (option is HelpOption { Action: HelpAction usual } help) help.Action = new VsHelp(usual);
        }

        return root;
    }

    /// <summary>A mistyped option would else be taken for a file. After <c>--</c> everything belongs to somebody else's command.</summary>
    private static void RefuseUnknownOptions(ParseResult result)
    {
        foreach (Token token in result.Tokens)
        {
            if (token.Type == TokenType.DoubleDash) return;
            if (token.Type != TokenType.Argument || token.Value.Length < 2 || token.Value[0] != '-') continue;
            if (result.CommandResult.Tokens.Contains(token) || result.UnmatchedTokens.Contains(token.Value))
                throw new VsException(ExitCode.Usage, $"there is no option '{token.Value}'; see: {PathOf(result.CommandResult)} --help (a file of that name: ./{token.Value})");
        }
    }

    private static ExitCode Refuse(ParseResult result, CommandContext context)
    {
        IEnumerable<string> errors = result.CommandResult.Command.Subcommands.Count > 0 ? [WrongWord(result)] : result.Errors.Select(error => error.Message);
        foreach (string error in errors) context.Error.WriteLine($"vs: {error}");
        context.Error.WriteLine($"See: {PathOf(result.CommandResult)} --help");
        return ExitCode.Usage;
    }

    // A command that only has others below it was given none of them.
    private static string WrongWord(ParseResult result)
    {
        string path = PathOf(result.CommandResult), known = string.Join(", ", result.CommandResult.Command.Subcommands.Select(command => command.Name));
        return result.UnmatchedTokens.Count > 0 ? $"there is no '{path} {result.UnmatchedTokens[0]}', expected {path} and one of {known}" : $"'{path}' alone does nothing, expected {path} and one of {known}";
    }

    // "vs import events": a command's name alone is no command where it stands below another.
    private static string PathOf(CommandResult result)
    {
        string path = "";
        for (SymbolResult? at = result; at is CommandResult { Command: not RootCommand } command; at = at.Parent) path = $" {command.Command.Name}{path}";
        return $"vs{path}";
    }
}
