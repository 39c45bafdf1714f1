using System.Diagnostics;
using VirtualServices.Linux.Cgroups;

namespace VirtualServices.Enforce.Shares;

/// <summary>
/// Sets the weights of the rules when the enforcer ends in whatever way, kill -9 included: a corrected weight, up to eight times the approved one, is right only while
/// somebody goes on correcting it.
/// </summary>
/// <remarks>A shell reads a pipe whose only writer is the enforcer. Its end closes the pipe; then the shell writes what it was given at the start, and ends.</remarks>
internal sealed class WeightGuard : IDisposable
{
    // The signals that end an enforcer reach the guard, too: it shares the terminal and, as a unit, the cgroup. A group that is gone has no file: nothing to set.
    private const string Script = """
        trap '' INT TERM HUP QUIT
        read -r _
        cd "$1" || exit; shift
        while [ $# -ge 2 ]; do [ -f "$1" ] && echo "$2" > "$1"; shift 2; done 2> /dev/null
        """;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);
    private readonly Process _shell;

    /// <summary>Starts to watch.</summary>
    /// <param name="weights">Groups, and their weights in the rules.</param>
    /// <param name="hierarchy">Where the groups are.</param>
    public WeightGuard(IReadOnlyList<(string Group, int Weight)> weights, CpuHierarchy hierarchy)
    {
        List<string> arguments = ["-c", Script, "vs-guard", hierarchy.MountPoint];
        foreach ((string group, int weight) in weights)
        {
            (string file, string text) = hierarchy.WeightSetting(weight);
            arguments.Add($"{group.TrimStart('/')}/{file}");
            arguments.Add(text);
        }

        _shell = Process.Start(new ProcessStartInfo("/bin/sh", arguments) { RedirectStandardInput = true })!;
    }

    /// <summary>Has the weights set now.</summary>
    public void Dispose()
    {
        _shell.StandardInput.Close();
        _shell.WaitForExit(Limit);
        _shell.Dispose();
    }
}
