using Spectre.Console;
using VirtualServices.Model;

namespace VirtualServices.Cli;

/// <summary>Everything a command touches beside files and the kernel; tests give their own.</summary>
/// <param name="Out">Results, also the one document of <c>--json</c>.</param>
/// <param name="Error">Messages, progress, logs.</param>
/// <param name="Terminal">The person at the terminal.</param>
/// <param name="Clock">Time of day.</param>
/// <param name="Variable">Environment variables.</param>
internal sealed record CommandContext(TextWriter Out, TextWriter Error, ITerminal Terminal, TimeProvider Clock, Func<string, string?> Variable)
{
    private readonly Lazy<StopSignals> _signals = new(() => new StopSignals());
    private readonly CancellationToken? _cancellation;

    /// <summary>Cancelled at Ctrl-C, SIGTERM or SIGHUP. Signals are taken over at the first use: a command that never asks dies of them as usual, and starts faster.</summary>
    public CancellationToken Cancellation
    {
        get => _cancellation ?? _signals.Value.Token;
        init => _cancellation = value;
    }

    /// <summary>From now on a second Ctrl-C, SIGTERM or SIGHUP does not end the process in the middle of putting things back: it is only answered.</summary>
    public void FinishWhateverComes(string answer)
    {
        if (_cancellation is null) _signals.Value.Insist(() => Error.WriteLine(answer));
    }

    /// <summary>Tables and colours on <see cref="Out"/>; plain text where that is no terminal. Made at the first use, it is slow to start.</summary>
    public IAnsiConsole Console => field ??= AnsiConsole.Create(new AnsiConsoleSettings
    {
        Out = new TerminalOutput(Out),
        Ansi = Terminal.HasColours ? AnsiSupport.Detect : AnsiSupport.No,
        ColorSystem = Terminal.HasColours ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
        Interactive = InteractionSupport.No,
    });

    public static CommandContext OfThisProcess() =>
        new(
            new GuardedWriter(System.Console.Out, static e => throw new VsException(ExitCode.HostLacks, $"cannot write the result to standard output: {e.Message}", e)),

            // A message that nobody can read must not end an enforcement.
            new GuardedWriter(System.Console.Error, static _ => { }),
            new ProcessTerminal(),
            TimeProvider.System,
            Environment.GetEnvironmentVariable);
}
