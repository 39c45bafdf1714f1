using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Tmds.Linux;
using VirtualServices.Linux.Processes;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Recording;

/// <summary>A command that is recorded from its first instruction: a shell stops itself, is marked, and then becomes the command.</summary>
internal sealed partial class RecordedCommand : IDisposable
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    private readonly Process _process;

    private RecordedCommand(Process process) => _process = process;

    /// <summary>Process id, the same before and after the shell became the command.</summary>
    internal int Pid => _process.Id;

    internal bool HasExited => _process.HasExited;

    /// <summary>Exit code; 128 + signal as shells have it.</summary>
    internal int ExitCode => _process.ExitCode;

    /// <summary>Sees that there is such a program, as a shell looks for it, before anything is made.</summary>
    /// <exception cref="VsException">There is none, or it may not be executed (exit code 2).</exception>
    internal static void RequireProgram(string name)
    {
        string? path = Environment.GetEnvironmentVariable("PATH");
        if (!name.Contains('/', StringComparison.Ordinal) && path is null) return; // the shell has a path of its own
        IEnumerable<string> places = name.Contains('/', StringComparison.Ordinal) ? [name] : path!.Split(':').Select(folder => Path.Combine(folder, name));
        if (name.Length == 0 || !places.Any(IsProgram)) throw new VsException(Model.ExitCode.Usage, $"cannot start '{name}': expected a program that can be executed{(name.Contains('/', StringComparison.Ordinal) ? "" : ", there is none of that name in PATH")}");
    }

    /// <summary>Starts the command and waits until it is stopped.</summary>
    internal static RecordedCommand StartStopped(IReadOnlyList<string> command)
    {
        Process process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "kill -STOP $$; exec \"$@\"", "vs-record", .. command]) { UseShellExecute = false })!;
        RecordedCommand started = new(process);
        Stopwatch waited = Stopwatch.StartNew();
        while (!started.IsStopped())
        {
            if (process.HasExited || waited.Elapsed > TimeSpan.FromSeconds(10))
            {
                started.Dispose();
                throw new VsException(Model.ExitCode.HostLacks, $"cannot start '{command[0]}': the shell that was to become it did not stop itself");
            }

            Thread.Yield();
        }

        return started;
    }

    /// <summary>Lets it run.</summary>
    internal void Continue() => Signal(Pid, LibC.SIGCONT);

    /// <summary>Ends it where it still runs, with all that it started: politely, and after some seconds by force.</summary>
    public void Dispose()
    {
        if (!_process.HasExited) End();
        _process.Dispose();
    }

    // A shell that is ended alone would leave what it waits for running.
    private void End()
    {
        ProcessTable table = ProcessTable.Scan();
        HashSet<int> pids = [];
        table.AddWithDescendants(Pid, pids);
        ProcessRecord[] processes = [.. pids.Select(table.Find).OfType<ProcessRecord>()];
        foreach (ProcessRecord process in processes)
        {
            Signal(process.Pid, LibC.SIGTERM);
            Signal(process.Pid, LibC.SIGCONT);
        }

        // Looked at again and again: most end within milliseconds, and waitpid tells only of children, which their descendants are not.
        Stopwatch waited = Stopwatch.StartNew();
        while (waited.Elapsed < Grace && processes.Any(Runs)) Thread.Sleep(TimeSpan.FromMilliseconds(10));
        foreach (ProcessRecord process in processes.Where(Runs)) Signal(process.Pid, LibC.SIGKILL);
        _process.WaitForExit();
    }

    // Its pid alone may be somebody else's by now. What has ended and was not waited for runs no more.
    private static bool Runs(ProcessRecord process) => ProcessTable.TryRead(process.Pid)?.StartTimeNs == process.StartTimeNs && StateOf(process.Pid) != 'Z';

    private static bool IsProgram(string path)
    {
        const UnixFileMode Executable = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        return File.Exists(path) && (new FileInfo(path).UnixFileMode & Executable) != 0;
    }

    private bool IsStopped() => StateOf(Pid) == 'T';

    /// <summary>The state's letter, as in ps; null where the process is gone.</summary>
    private static char? StateOf(int pid)
    {
        // The state follows the name, which stands in parentheses.
        try
        {
            string stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat"));
            return stat.AsSpan(stat.LastIndexOf(')') + 1).TrimStart() is [char state, ..] ? state : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static void Signal(int pid, int signal)
    {
        const int NoSuchProcess = 3;
        if (kill(pid, signal) != 0 && Marshal.GetLastPInvokeError() != NoSuchProcess)
            throw new VsException(Model.ExitCode.Permission, $"cannot signal the recorded command (process {pid}): {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int kill(int pid, int signal);
}
