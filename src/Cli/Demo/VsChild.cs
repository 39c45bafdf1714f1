using System.Runtime.InteropServices;
using VirtualServices.Model;

namespace VirtualServices.Cli.Demo;

/// <summary>Runs <c>vs</c> itself as a child: the demo goes the way that an administrator goes, through the commands.</summary>
internal static class VsChild
{
    /// <summary>Command line of this program with arguments.</summary>
    public static IReadOnlyList<string> Command(params IEnumerable<string> arguments)
    {
        // Built for a shared runtime, the program is a library that the runtime's own host starts, wherever that lies; else it is this very file.
        string library = Path.Combine(AppContext.BaseDirectory, "vs.dll");
        string host = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../../dotnet"));
        if (File.Exists(library) && File.Exists(host)) return [host, library, .. arguments];
        return Environment.ProcessPath is { } program ? [program, .. arguments] : throw new VsException(ExitCode.Bug, "demo: the path of this program is unknown");
    }

    /// <summary>Runs a command of <c>vs</c> to its end.</summary>
    /// <returns>Its standard output.</returns>
    /// <exception cref="VsException">It failed; the exit code and its words are passed on.</exception>
    public static async Task<string> RunAsync(CancellationToken cancel, params IEnumerable<string> arguments)
    {
        string[] words = [.. arguments];
        using Child child = Start(words);
        int code = await child.WaitAsync(cancel);
        return code == 0
            ? child.Output
            : throw new VsException(Known(code), $"demo: 'vs {string.Join(' ', words)}' ended with exit code {code}: {(child.Errors + child.Output).Trim()}");
    }

    /// <summary>What a child ended with as an exit code of our own: one that a signal ended is a bug (70).</summary>
    public static ExitCode Known(int code) => code != 0 && Enum.IsDefined((ExitCode)code) ? (ExitCode)code : ExitCode.Bug;

    /// <summary>Starts a command of <c>vs</c> that runs until it is interrupted.</summary>
    public static Child Start(IEnumerable<string> arguments, Action<string>? onErrorLine = null) => Child.Start(Command(arguments), onErrorLine: onErrorLine);
}
