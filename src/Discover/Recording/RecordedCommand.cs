using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Tmds.Linux;
using VirtualServices.Model;

namespace VirtualServices.Discover.Recording;

/// <summary>A command that is recorded from its first instruction: a shell stops itself, is marked, and then becomes the command.</summary>
internal sealed partial class RecordedCommand : IDisposable
{
    private readonly Process _process;

    private RecordedCommand(Process process) => _process = process;

    /// <summary>Process id, the same before and after the shell became the command.</summary>
    internal int Pid => _process.Id;

    internal bool HasExited => _process.HasExited;

    /// <summary>Exit code; 128 + signal as shells have it.</summary>
    internal int ExitCode => _process.ExitCode;

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
    internal void Continue() => Signal(LibC.SIGCONT);

    /// <summary>Ends it where it still runs: politely, and after some seconds by force.</summary>
    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Signal(LibC.SIGTERM);
            Signal(LibC.SIGCONT);
            if (!_process.WaitForExit(TimeSpan.FromSeconds(5))) _process.Kill(entireProcessTree: true);
        }

        _process.Dispose();
    }

    private bool IsStopped()
    {
        // The state follows the name, which stands in parentheses.
        try
        {
            string stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{Pid}/stat"));
            return stat.AsSpan(stat.LastIndexOf(')') + 1).TrimStart() is ['T', ..];
        }
        catch (IOException)
        {
            return false;
        }
    }

    private void Signal(int signal)
    {
        const int NoSuchProcess = 3;
        if (kill(Pid, signal) != 0 && Marshal.GetLastPInvokeError() != NoSuchProcess)
            throw new VsException(Model.ExitCode.Permission, $"cannot signal the recorded command (process {Pid}): {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int kill(int pid, int signal);
}
