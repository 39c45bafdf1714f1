using System.Text;
using Spectre.Console;

namespace VirtualServices.Cli;

/// <summary>The size and kind of this process's terminal, written to through another writer.</summary>
internal sealed class TerminalOutput(TextWriter writer) : IAnsiConsoleOutput
{
    private const int NoTerminalWidth = 80;

    private readonly AnsiConsoleOutput _terminal = new(System.Console.Out);

    public TextWriter Writer => writer;

    public bool IsTerminal => _terminal.IsTerminal;

    // Without a terminal, but with TERM set (a unit, a job), .NET knows no width and says -1: a table would be a dot.
    public int Width => _terminal.Width is > 0 and int width ? width : NoTerminalWidth;

    public int Height => _terminal.Height;

    public void SetEncoding(Encoding encoding) => _terminal.SetEncoding(encoding);
}
