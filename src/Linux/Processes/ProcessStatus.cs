using System.Globalization;

namespace VirtualServices.Linux.Processes;

/// <summary>What the kernel says of a thread at this moment: whether it is stopped, and by whom it is traced.</summary>
public static class ProcessStatus
{
    /// <summary>Reads it.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="tid">A thread of it.</param>
    /// <param name="state">As in /proc: <c>T</c> stopped by a signal, <c>t</c> by its tracer, <c>Z</c> ended.</param>
    /// <param name="tracer">Process that traces it, 0 where none does.</param>
    /// <returns>False where the process has no such thread (any more).</returns>
    public static bool Read(int pid, int tid, out char state, out int tracer)
    {
        (state, tracer) = ('?', 0);
        if (Procfs.ReadText(pid, string.Create(CultureInfo.InvariantCulture, $"task/{tid}/status")) is not { } text) return false;
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            if (line.StartsWith("State:\t", StringComparison.Ordinal)) state = line[7];
            else if (line.StartsWith("TracerPid:\t", StringComparison.Ordinal)) tracer = int.Parse(line[11..], NumberStyles.None, CultureInfo.InvariantCulture);
        }

        return state != '?';
    }
}
