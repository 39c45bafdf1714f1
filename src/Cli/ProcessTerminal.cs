using System.Collections.Concurrent;
using System.Diagnostics;

namespace VirtualServices.Cli;

/// <summary>The terminal of this process.</summary>
internal sealed class ProcessTerminal : ITerminal
{
    private readonly BlockingCollection<ConsoleKeyInfo> _keys = [];
    private Thread? _reader;

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

    // A thread of its own waits inside ReadKey: between calls of it the terminal would echo what is typed into the picture.
    public ConsoleKeyInfo? ReadKey(TimeSpan longest, CancellationToken cancellation)
    {
        if (_reader is null)
        {
            _reader = new Thread(ReadKeys) { IsBackground = true, Name = "vs-keys" };
            _reader.Start();
        }

        try
        {
            return _keys.TryTake(out ConsoleKeyInfo key, (int)longest.TotalMilliseconds + 1, cancellation) ? key : null;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    public (int Width, int Height) Size => (Console.WindowWidth, Console.WindowHeight);

    public int RunEditor(string commandLine, string file)
    {
        // $EDITOR may hold options, so the shell takes it apart; the file goes as an argument, never into the text of the command.
        using Process editor = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"{commandLine} \"$1\"", "editor", file]) { UseShellExecute = false })
            ?? throw new InvalidOperationException("no process was started");
        editor.WaitForExit();
        return editor.ExitCode;
    }

    private void ReadKeys()
    {
        try
        {
            while (true) _keys.Add(Console.ReadKey(intercept: true));
        }
        catch (InvalidOperationException)
        {
            // The terminal is gone: no more keys; a hang-up signal ends the command.
        }
    }
}
