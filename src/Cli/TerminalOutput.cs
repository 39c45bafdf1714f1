using System.Text;
using Spectre.Console;

namespace VirtualServices.Cli;

/// <summary>The size and kind of this process's terminal, written to through another writer.</summary>
internal sealed class TerminalOutput(TextWriter writer) : IAnsiConsoleOutput
{
    private readonly AnsiConsoleOutput _terminal = new(System.Console.Out);

    public TextWriter Writer => writer;

    public bool IsTerminal => _terminal.IsTerminal;

    public int Width => _terminal.Width;

    public int Height => _terminal.Height;

    public void SetEncoding(Encoding encoding) => _terminal.SetEncoding(encoding);
}
