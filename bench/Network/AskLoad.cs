using System.Globalization;
using System.Runtime.InteropServices;
using VirtualServices.Bench.Rows;
using VirtualServices.Cli.Demo;
using VirtualServices.Model;

namespace VirtualServices.Bench.Network;

/// <summary>What a client asks.</summary>
/// <param name="Datagrams">Of the server of datagrams; else of nginx.</param>
/// <param name="Request">Path of a file, or how many bytes of datagrams.</param>
/// <param name="Connections">How many.</param>
/// <param name="Rate">Requests a second in all; null: as fast as they are answered.</param>
internal sealed record Question(bool Datagrams, string Request, int Connections, int? Rate = null)
{
    /// <summary>As <c>ask.c</c> names it.</summary>
    public string Protocol { get; init; } = Datagrams ? "udp" : "tcp";
}

/// <summary>A tenant's client (<c>ask.c</c>).</summary>
internal sealed class AskLoad : IArmLoad
{
    private const int Header = 4096;

    private readonly Child _client;
    private readonly string _file;

    private AskLoad(Child client, string file) => (_client, _file) = (client, file);

    /// <summary>Bytes of answers so far, HTTP's headers included.</summary>
    public long Bytes
    {
        get
        {
            byte[] bytes = new byte[sizeof(long)];
            using FileStream file = File.OpenRead(_file);
            return file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) == bytes.Length ? BitConverter.ToInt64(bytes) : 0;
        }
    }

    /// <summary>Starts to ask.</summary>
    /// <param name="program">The compiled program.</param>
    /// <param name="networkNamespace">Where it runs, or null for ours.</param>
    /// <param name="cgroup">Folder of the cgroup that it runs in, or null for ours.</param>
    /// <param name="server">Address and port.</param>
    /// <param name="source">Its own address.</param>
    /// <param name="question">What is asked.</param>
    /// <param name="elsewhere">It stands for other machines: it runs as soon as it has something to do, so that what is measured is none of its own waiting for a processor.</param>
    public static AskLoad Start(string program, string? networkNamespace, string? cgroup, (string Address, int Port) server, string source, Question question, bool elsewhere = false)
    {
        string file = Path.Combine(Path.GetDirectoryName(program)!, $"ask-{Guid.NewGuid():N}");
        string[] command = [.. elsewhere ? (string[])[Tools.Find("chrt", "util-linux"), "--fifo", "1"] : [], program, question.Protocol, server.Address, Text(server.Port), source, Text(question.Connections), Text(question.Rate ?? 0), question.Request, file];
        File.WriteAllBytes(file, []);
        return new AskLoad(Child.Start(command, cgroup: cgroup, networkNamespace: networkNamespace), file);
    }

    /// <inheritdoc/>
    public void Pause() => _client.Signal(Child.Stop);

    /// <inheritdoc/>
    public void Resume() => _client.Signal(Child.Continue);

    /// <summary>Ends it.</summary>
    /// <returns>What was answered; an answer that was lost ended when it was due, with an infinite latency.</returns>
    /// <exception cref="VsException">A connection was lost, or the server refused.</exception>
    public async Task<IReadOnlyList<Transaction>> StopAsync(CancellationToken cancel)
    {
        _client.Signal(Child.Terminate);
        await _client.WaitAsync(cancel);
        _client.ThrowIfFailed();
        long[] numbers = MemoryMarshal.Cast<byte, long>((await File.ReadAllBytesAsync(_file, cancel)).AsSpan(Header)).ToArray();
        return [.. numbers.Chunk(2).Select(turn => turn[1] == 0 ? new Transaction(At(turn[0]), double.PositiveInfinity) : new Transaction(At(turn[1]), (turn[1] - turn[0]) / 1000.0))];
    }

    /// <summary>Throws where it ended early, with what it said.</summary>
    public void ThrowIfEnded()
    {
        if (_client.HasExited) throw new VsException(ExitCode.Bug, $"bench: a client ended: {_client.Errors}");
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private static DateTime At(long microseconds) => DateTime.UnixEpoch.AddMicroseconds(microseconds);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
