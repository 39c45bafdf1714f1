namespace VirtualServices.Cli;

/// <summary>The person at the terminal.</summary>
internal interface ITerminal
{
    /// <summary>Both input and output are a terminal.</summary>
    bool IsInteractive { get; }

    /// <summary>Output may carry colours.</summary>
    bool HasColours { get; }

    /// <summary>Waits for a key; null at the end of input. Ctrl-C is a key like others here.</summary>
    ConsoleKeyInfo? ReadKey();

    /// <summary>Waits for a key, but not longer than this; null where none came. Keys are not echoed while this is in use; Ctrl-C cancels the command as ever.</summary>
    ConsoleKeyInfo? ReadKey(TimeSpan longest, CancellationToken cancellation);

    /// <summary>Columns and lines.</summary>
    (int Width, int Height) Size { get; }

    /// <summary>Runs a command line of the shell with a file as its last argument, at the terminal.</summary>
    /// <returns>Its exit code.</returns>
    int RunEditor(string commandLine, string file);
}
