namespace VirtualServices.Cli.Tests;

/// <summary>A person who presses these keys; an editor that does this to the file.</summary>
internal sealed class FakeTerminal(string keys, Func<string, int>? editor = null) : ITerminal
{
    private int _next;

    public bool IsInteractive { get; init; } = true;

    public bool HasColours => false;

    public ConsoleKeyInfo? ReadKey()
    {
        if (_next == keys.Length) return null;
        char c = keys[_next++];
        return c == '\u0003' ? new ConsoleKeyInfo(c, ConsoleKey.C, shift: false, alt: false, control: true) : new ConsoleKeyInfo(c, ConsoleKey.None, shift: false, alt: false, control: false);
    }

    /// <summary>A person who presses the next key at once, and none when all are pressed.</summary>
    public ConsoleKeyInfo? ReadKey(TimeSpan longest, CancellationToken cancellation) => ReadKey();

    public (int Width, int Height) Size { get; init; } = (80, 24);

    public int RunEditor(string commandLine, string file) => editor is null ? 127 : editor(file);
}
