using System.Globalization;
using VirtualServices.Bench.OneAtATime;

namespace VirtualServices.Bench;

/// <summary>The experiment of the paper: a php-cgi that serves one connection at a time, behind an nginx for each of two tenants; A has 30 connections, B ever more. A new connection to php-cgi for each request, 0 to 10 ms of CPU time.</summary>
internal sealed class CgiGain(int seconds, TextWriter output, TextWriter progress)
{
    private const int ConnectionsOfA = 30;
    private static readonly int[] ConnectionsOfB = [10, 30, 60];

    /// <summary>Runs all and writes the table.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        await using SharedCgi shared = await SharedCgi.StartAsync(cancel);
        await output.WriteLineAsync("| connections of B, of A 30 | without gates: A, B | virtual services: A, B | a php-cgi each: A, B | A with / without | A with / a php-cgi each | work conserved |");
        await output.WriteLineAsync("|---|---|---|---|---|---|---|");
        foreach (int connections in ConnectionsOfB)
        {
            await progress.WriteLineAsync(Say($"B with {connections} connections: three arms of {seconds} s"));
            CgiArms arms = await shared.CompareAsync((ConnectionsOfA, connections), TimeSpan.FromSeconds(seconds), cancel);
            await output.WriteLineAsync(Say($"| {connections} | {arms.Without.A:F0}/s, {arms.Without.B:F0}/s | {arms.With.A:F0}/s, {arms.With.B:F0}/s | {arms.Apart.A:F0}/s, {arms.Apart.B:F0}/s | {arms.With.A / arms.Without.A:F2} | {arms.With.A / arms.Apart.A:F2} | {arms.With.Sum / arms.Without.Sum:F2} |"));
        }
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
