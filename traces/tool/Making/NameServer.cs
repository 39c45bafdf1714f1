using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using VirtualServices.Traces.Load;
using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Making;

/// <summary>A name server that knows every name, after some milliseconds, and keeps who asked for what.</summary>
internal sealed class NameServer : IDisposable
{
    private const int LongestDelayMs = 8;

    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly ConcurrentQueue<(string Name, string From, long UtcNs)> _asked = [];

    /// <summary>Begins to answer.</summary>
    public NameServer()
    {
        _socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _ = AnswerAsync();
    }

    /// <summary>Its port on the loopback.</summary>
    public int Port => ((IPEndPoint)_socket.LocalEndPoint!).Port;

    /// <summary>What it was asked of the requests.</summary>
    public IEnumerable<Hop> Hops(IReadOnlySet<string> requests) => _asked
        .Where(one => one.Name.EndsWith(DnsQuery.Zone, StringComparison.Ordinal))
        .Select(one => (Request: one.Name[..^DnsQuery.Zone.Length], one.From, one.UtcNs))
        .Where(one => requests.Contains(one.Request))
        .Select(one => new Hop(one.Request, TraceRun.TenantOf(one.Request), "names", one.UtcNs, $"127.0.0.1:{Port}", one.From));

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private async Task AnswerAsync()
    {
        Random random = new(11);
        byte[] buffer = new byte[4096];
        try
        {
            while (true)
            {
                SocketReceiveFromResult got = await _socket.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0));
                byte[] query = buffer.AsSpan(0, got.ReceivedBytes).ToArray();
                _asked.Enqueue((DnsQuery.NameOf(query), got.RemoteEndPoint.ToString()!, LoadConnection.UtcNs));
                _ = LaterAsync(query, got.RemoteEndPoint, random.Next(LongestDelayMs));
            }
        }
        catch (Exception error) when (error is ObjectDisposedException or SocketException)
        {
            // its end
        }
    }

    private async Task LaterAsync(byte[] query, EndPoint to, int delayMs)
    {
        await Task.Delay(delayMs);
        await _socket.SendToAsync(DnsQuery.Answer(query), to);
    }
}
