using System.Globalization;
using System.Runtime.InteropServices;
using VirtualServices.Bench.Rows;
using VirtualServices.Cli.Demo;
using VirtualServices.Model;

namespace VirtualServices.Bench.EventLoop;

/// <summary>A tenant's client of a shared server (<c>turns.c</c>).</summary>
internal sealed class TurnsLoad : IArmLoad
{
    private readonly Child _client;
    private readonly string _file;

    private TurnsLoad(Child client, string file) => (_client, _file) = (client, file);

    /// <summary>True where it ended, by itself or because a connection was lost.</summary>
    public bool HasExited => _client.HasExited;

    /// <summary>What it said.</summary>
    public string Errors => _client.Errors;

    /// <summary>Starts to ask.</summary>
    /// <param name="program">The compiled program.</param>
    /// <param name="port">Of the server, on the loopback.</param>
    /// <param name="connections">How many.</param>
    /// <param name="rate">Requests a second in all; null: as fast as they are answered.</param>
    /// <param name="seconds">How long.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="cgroup">Folder of the tenant's cgroup.</param>
    public static TurnsLoad Start(string program, int port, int connections, int? rate, int seconds, string request, string cgroup)
    {
        string file = Path.Combine(Path.GetDirectoryName(program)!, $"turns-{Guid.NewGuid():N}");
        return new TurnsLoad(Child.Start([program, Text(port), Text(connections), Text(rate ?? 0), Text(seconds), request, file], cgroup: cgroup), file);
    }

    /// <inheritdoc/>
    public void Pause() => _client.Signal(Child.Stop);

    /// <inheritdoc/>
    public void Resume() => _client.Signal(Child.Continue);

    /// <summary>Ends it early.</summary>
    /// <inheritdoc cref="FinishAsync"/>
    public Task<IReadOnlyList<Transaction>> StopAsync(CancellationToken cancel)
    {
        _client.Signal(Child.Terminate);
        return FinishAsync(cancel);
    }

    /// <summary>Waits for its end.</summary>
    /// <returns>What was answered.</returns>
    /// <exception cref="VsException">A connection was lost, or the server refused.</exception>
    public async Task<IReadOnlyList<Transaction>> FinishAsync(CancellationToken cancel)
    {
        await _client.WaitAsync(cancel);
        _client.ThrowIfFailed();
        long[] numbers = MemoryMarshal.Cast<byte, long>(await File.ReadAllBytesAsync(_file, cancel)).ToArray();
        return [.. numbers.Chunk(2).Select(turn => new Transaction(DateTime.UnixEpoch.AddMicroseconds(turn[1]), (turn[1] - turn[0]) / 1000.0))];
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
