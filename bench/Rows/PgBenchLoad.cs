using VirtualServices.Cli.Demo;

namespace VirtualServices.Bench.Rows;

/// <summary>A tenant's pgbench.</summary>
internal sealed class PgBenchLoad(PgBench client) : IArmLoad
{
    // Its log comes in pieces of some kilobytes, and the last one is lost.
    private static readonly TimeSpan LogLate = TimeSpan.FromSeconds(2);

    /// <inheritdoc/>
    public void Pause() => client.Pause();

    /// <inheritdoc/>
    public void Resume() => client.Resume();

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Transaction>> StopAsync(CancellationToken cancel)
    {
        await Task.Delay(LogLate, cancel);
        return await client.CutAsync(cancel);
    }

    /// <inheritdoc/>
    public void Dispose() => client.Dispose();
}
