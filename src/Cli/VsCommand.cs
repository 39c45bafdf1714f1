using System.CommandLine;
using VirtualServices.Model;

namespace VirtualServices.Cli;

/// <summary>A command with an example in its help.</summary>
internal sealed class VsCommand : Command
{
    public VsCommand(string name, string description, string example)
        : base(name, description) => Example = example;

    /// <summary>One or more lines that can be typed as they stand.</summary>
    public string Example { get; }

    /// <summary>Sets what the command does.</summary>
    public void Run(Func<ParseResult, ExitCode> run) => SetAction(result => (int)run(result));

    /// <summary>Sets what the command does, for a command that waits.</summary>
    public void Run(Func<ParseResult, Task<ExitCode>> run) => SetAction(async (result, _) => (int)await run(result).ConfigureAwait(false));
}
