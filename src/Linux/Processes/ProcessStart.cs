namespace VirtualServices.Linux.Processes;

/// <summary>When a process was started: with its number it names one process for as long as the host runs, because numbers are used again.</summary>
public static class ProcessStart
{
    /// <summary>Nanoseconds after boot, in steps of 10 ms; null where there is no such process.</summary>
    /// <param name="pid">The process.</param>
    public static long? Of(int pid) =>
        Procfs.ReadText(pid, "stat") is { } stat && ProcessReader.TryParseStat(stat, out _, out _, out long startNs) ? startNs : null;
}
