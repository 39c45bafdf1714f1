using System.Diagnostics;

namespace VirtualServices.Cli.Demo;

/// <summary>Waits for a condition of the outside world, with a limit.</summary>
internal static class Wait
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(20);

    /// <summary>Looks again every 20 ms.</summary>
    /// <returns>False where the condition did not hold within the limit.</returns>
    public static async Task<bool> UntilAsync(Func<bool> condition, TimeSpan limit, CancellationToken cancel)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(start) > limit) return false;
            await Task.Delay(Step, cancel);
        }

        return true;
    }
}
