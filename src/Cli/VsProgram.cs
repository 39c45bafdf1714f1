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
            if (result.Action is ParseErrorAction || (result.Errors.Count > 0 && result.Action is not VsHelp)) return (int)Refuse(result, context);
            RefuseUnknownOptions(result);
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
                return ExitCode.DoesNotHold;
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
        if (result.Action is VsHelp) return;
        foreach (Token token in result.Tokens)
        {
            if (token.Type == TokenType.DoubleDash) return;
            if (token.Type == TokenType.Argument && token.Value.Length > 1 && token.Value[0] == '-' && result.CommandResult.Tokens.Contains(token))
                throw new VsException(ExitCode.Usage, $"there is no option '{token.Value}'; see: {PathOf(result.CommandResult)} --help (a file of that name: ./{token.Value})");
        }
    }

    private static ExitCode Refuse(ParseResult result, CommandContext context)
    {
        foreach (ParseError error in result.Errors) context.Error.WriteLine($"vs: {error.Message}");
        context.Error.WriteLine($"See: {PathOf(result.CommandResult)} --help");
        return ExitCode.Usage;
    }

    // "vs import events": a command's name alone is no command where it stands below another.
    private static string PathOf(CommandResult result)
    {
        string path = "";
        for (SymbolResult? at = result; at is CommandResult { Command: not RootCommand } command; at = at.Parent) path = $" {command.Command.Name}{path}";
        return $"vs{path}";
    }
}
