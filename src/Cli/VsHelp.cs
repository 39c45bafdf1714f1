using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace VirtualServices.Cli;

/// <summary>The usual help with the command's example below.</summary>
internal sealed class VsHelp(HelpAction usual) : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        int result = usual.Invoke(parseResult);
        if (parseResult.CommandResult.Command is not VsCommand command) return result;
        TextWriter output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("Example:");
        foreach (string line in command.Example.Split('\n')) output.WriteLine($"  {line}");
        output.WriteLine();
        return result;
    }
}
