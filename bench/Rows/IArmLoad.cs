using VirtualServices.Cli.Demo;

namespace VirtualServices.Bench.Rows;

/// <summary>What a tenant asks through all arms of a comparison.</summary>
internal interface IArmLoad : IDisposable
{
    /// <summary>Halts it, without closing a connection.</summary>
    void Pause();

    /// <summary>Lets it go on.</summary>
    void Resume();

    /// <summary>Ends it.</summary>
    /// <returns>What was answered; what never was has an infinite latency.</returns>
    Task<IReadOnlyList<Transaction>> StopAsync(CancellationToken cancel);
}
