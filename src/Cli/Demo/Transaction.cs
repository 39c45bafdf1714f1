using System.Globalization;
using VirtualServices.Model;

namespace VirtualServices.Cli.Demo;

/// <summary>One finished transaction.</summary>
/// <param name="End">When it ended.</param>
/// <param name="LatencyMs">From when it was due (not from when it could be sent) to its end, ms.</param>
internal readonly record struct Transaction(DateTime End, double LatencyMs)
{
    private const int FewestFields = 6;

    /// <summary>Reads a line of pgbench's log: client, number, latency in µs, script, seconds and µs of the end, and with a rate the schedule's lag.</summary>
    /// <exception cref="VsException">The line is none, or the transaction failed.</exception>
    public static Transaction Parse(string line, string file)
    {
        string[] fields = line.Split(' ');
        if (fields.Length < FewestFields
            || !double.TryParse(fields[2], CultureInfo.InvariantCulture, out double latencyUs) // "failed" and "skipped" are no numbers
            || !long.TryParse(fields[4], CultureInfo.InvariantCulture, out long seconds)
            || !long.TryParse(fields[5], CultureInfo.InvariantCulture, out long microseconds))
            throw VsException.BadInput(file, $"expected a finished transaction of pgbench, found '{line}'");
        // With a rate, pgbench's latency counts from the scheduled start: a late start is the server's fault and is in it.
        return new Transaction(DateTime.UnixEpoch.AddSeconds(seconds).AddMicroseconds(microseconds), latencyUs / 1000);
    }
}
