using System.Diagnostics;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Model;

namespace VirtualServices.Enforce;

/// <summary>Ends what is enforced from another process.</summary>
public static partial class EnforcementStop
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    /// <summary>Asks a running enforcer to put everything back and waits for it; does it itself where the enforcer is dead.</summary>
    /// <returns>False where nothing was enforced.</returns>
    public static bool Run(Action<string>? log)
    {
        HostAccess.RequireRoot("stop what is enforced");
        bool anything = Pins.Default.Exist || EnforcerLock.IsHeld();
        long began = Stopwatch.GetTimestamp();
        int asked = 0;
        while (true)
        {
            using (EnforcerLock? held = EnforcerLock.TryTake())
            {
                if (held is not null)
                {
                    Undo.All(log);
                    return anything;
                }
            }

            if (EnforcerLock.Enforcer() is { } pid && pid != asked)
            {
                const int Terminate = 15;
                log?.Invoke($"asking the enforcer (pid {pid}) to end");
                if (kill(pid, Terminate) == 0) asked = pid;
            }

            if (Stopwatch.GetElapsedTime(began) > Patience) throw TookTooLong(asked);
            Thread.Sleep(50); // there is no way to wait for a lock with a time limit
        }
    }

    private static VsException TookTooLong(int asked) => new(ExitCode.DoesNotHold, asked == 0
        ? "another process is still changing what is enforced: run 'vs stop' again"
        : $"the enforcer (pid {asked}) does not end: kill -9 it and run 'vs stop' again; its gates and groups will be removed then");

    [System.Runtime.InteropServices.LibraryImport("libc", SetLastError = true)]
    private static partial int kill(int pid, int signal);
}
