using System.Diagnostics;

namespace VirtualServices.Cli;

/// <summary>The terminal of this process.</summary>
internal sealed class ProcessTerminal : ITerminal
{
    public bool IsInteractive => !Console.IsInputRedirected && !Console.IsOutputRedirected;

    /// <summary>NO_COLOR and TERM=dumb are looked at where the colours are made.</summary>
    public bool HasColours => !Console.IsOutputRedirected;

    public ConsoleKeyInfo? ReadKey()
    {
        Console.TreatControlCAsInput = true;
        try
        {
            return Console.ReadKey(intercept: true);
        }
        finally
        {
            Console.TreatControlCAsInput = false;
        }
    }

    public int RunEditor(string commandLine, string file)
    {
        // $EDITOR may hold options, so the shell takes it apart; the file goes as an argument, never into the text of the command.
        using Process editor = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"{commandLine} \"$1\"", "editor", file]) { UseShellExecute = false })
            ?? throw new InvalidOperationException("no process was started");
        editor.WaitForExit();
        return editor.ExitCode;
    }
}
