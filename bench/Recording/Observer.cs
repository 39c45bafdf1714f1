using System.Globalization;
using VirtualServices.Cli.Demo;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model;

namespace VirtualServices.Bench.Recording;

/// <summary>What watches a server: <c>vs record</c> at a level, or a tool that is used for it today. All write to a file.</summary>
/// <param name="Name">As the table calls it.</param>
/// <param name="Command">Its command, given the server, its processes separated by commas, and a folder for what it writes.</param>
/// <param name="Ready">Whether it watches by now, given what it has written to its standard error and the folder.</param>
internal sealed record Observer(string Name, Func<RecordedServer, string, string, IReadOnlyList<string>> Command, Func<string, string, bool> Ready)
{
    private static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(20), LongestEnd = TimeSpan.FromSeconds(20);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Observer> All { get; } =
    [
        Ours("sockets"),
        Ours("syscalls"),
        new("tcpdump -s 96", (server, _, folder) => [Tools.Find("tcpdump", "tcpdump"), "-i", "lo", "-s", "96", "-Z", "root", "-w", Path.Combine(folder, "packets"), "port", Text(server.Port)], (errors, _) => errors.Contains("listening on", StringComparison.Ordinal)),
        new("bpftrace, a line per call", (_, processes, folder) => Traced([Tools.Find("bpftrace", "bpftrace"), "-B", "full", "-o", Path.Combine(folder, "lines"), "-e", BpftraceProgram(processes)]), (_, folder) => Exists(folder, "lines")),
        new("perf trace", (_, processes, folder) => Traced([Tools.Find("perf", "linux-perf"), "trace", "-o", Path.Combine(folder, "calls"), "-p", processes]), (_, folder) => Exists(folder, "calls")),
        new("strace -f -ttt -yy -T", (_, processes, folder) => [Tools.Find("strace", "strace"), "-f", "-ttt", "-yy", "-T", "-o", Path.Combine(folder, "calls"), "-p", processes], (errors, _) => errors.Contains("attached", StringComparison.Ordinal)),
    ];

    /// <summary>A word for it: the program, or the level.</summary>
    public string ShortName => Name.StartsWith("vs ", StringComparison.Ordinal) ? Name.Split(' ')[^1] : Name.Split(' ', ',')[0];

    /// <summary>Whether the word is for it.</summary>
    public bool IsCalled(string name) => name == ShortName;

    /// <summary>Starts it and waits until it watches.</summary>
    /// <exception cref="VsException">It is missing or did not start.</exception>
    public async Task<Child> StartAsync(RecordedServer server, string folder, CancellationToken cancel)
    {
        Child child = Child.Start(Command(server, string.Join(',', server.Processes()), folder));
        if (await Wait.UntilAsync(() => child.HasExited || Ready(child.Errors, folder), LongestStart, cancel) && !child.HasExited) return child;
        await child.EndAsync(Child.Terminate, LongestEnd);
        string said = child.Errors.Trim();
        child.Dispose();
        throw new VsException(ExitCode.HostLacks, $"{Name} did not start: {said}");
    }

    /// <summary>Ends it and removes what it wrote.</summary>
    /// <returns>Events that it says it lost; null where it does not say.</returns>
    public static async Task<long?> EndAsync(Child child, string folder)
    {
        await child.EndAsync(Child.Terminate, LongestEnd);
        child.Dispose();
        string session = Path.Combine(folder, "session");
        long? lost = null;
        if (Directory.Exists(session))
            using (SessionReader reader = SessionReader.Open(session)) lost = reader.Info.Counts.Sum(count => count.Lost);
        foreach (string left in Directory.EnumerateFileSystemEntries(folder))
        {
            if (Directory.Exists(left)) Directory.Delete(left, recursive: true);
            else File.Delete(left);
        }

        return lost;
    }

    private static Observer Ours(string level) => new(
        $"vs record --level {level}",
        (server, _, folder) => VsChild.Command(["record", "-o", Path.Combine(folder, "session"), "--service", $"served=listen:tcp/{Text(server.Port)}", "--level", level]),
        (errors, _) => errors.Contains("recording to", StringComparison.Ordinal));

    // The kernel's list of tracepoints, mounted for this process alone where the host has none.
    private static IReadOnlyList<string> Traced(IEnumerable<string> command) =>
        ["unshare", "-m", "/bin/sh", "-c", "[ -e /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing || exit; exec \"$@\"", "traced", .. command];

    private static string BpftraceProgram(string processes)
    {
        string filter = string.Join(" || ", processes.Split(',').Select(pid => $"pid == {pid}"));
        return $"tracepoint:raw_syscalls:sys_enter / {filter} / {{ @at[tid] = nsecs; @of[tid] = args->args[0]; }} tracepoint:raw_syscalls:sys_exit / ({filter}) && @at[tid] / {{ printf(\"%d %d %d %d %d %d %d\\n\", @at[tid], nsecs - @at[tid], pid, tid, args->id, @of[tid], args->ret); delete(@at[tid]); delete(@of[tid]); }}";
    }

    private static bool Exists(string folder, string name) => new FileInfo(Path.Combine(folder, name)) is { Exists: true, Length: > 0 };

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
