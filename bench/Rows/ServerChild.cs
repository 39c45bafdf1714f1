using VirtualServices.Cli.Demo;

namespace VirtualServices.Bench.Rows;

/// <summary>A server that stays in the foreground and ends in order.</summary>
internal sealed class ServerChild(Child server) : IAsyncDisposable
{
    /// <summary>True where it ended.</summary>
    public bool HasExited => server.HasExited;

    /// <summary>What it said.</summary>
    public string Errors => server.Errors + server.Output;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await server.EndAsync(Child.Terminate, TimeSpan.FromSeconds(5));
        server.Dispose();
    }
}
