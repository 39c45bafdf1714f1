using System.Globalization;
using System.Net;
using System.Net.Sockets;
using VirtualServices.Cli.Demo;

namespace VirtualServices.EndToEnd;

/// <summary>A Redis of our own that keeps nothing, on a free port of the loopback.</summary>
internal sealed class RedisServer : IAsyncDisposable
{
    private readonly Child _server;

    private RedisServer(Child server, int port) => (_server, Port) = (server, port);

    public int Port { get; }

    public bool HasExited => _server.HasExited;

    public static async Task<RedisServer> StartAsync(string? cgroup, CancellationToken cancel)
    {
        int port;
        using (TcpListener probe = new(IPAddress.Loopback, 0))
        {
            probe.Start();
            port = ((IPEndPoint)probe.LocalEndpoint).Port;
        }

        RedisServer server = new(Child.Start([Tools.Find("redis-server", "redis"), "--port", Text(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"], cgroup: cgroup), port);
        Assert.True(await Wait.UntilAsync(() => server.HasExited || server._server.Output.Contains("Ready to accept connections", StringComparison.Ordinal), TimeSpan.FromSeconds(10), cancel) && !server.HasExited, server._server.Output);
        return server;
    }

    /// <summary>Asks some hundred times a second over one connection, or some twenty times over a new one each, until it is ended or a connection is lost.</summary>
    public Child Load(string cgroup, bool reconnects)
    {
        string client = $"{Tools.Find("redis-cli", "redis-tools")} -p {Text(Port)}";
        return Child.Start(["/bin/sh", "-c", reconnects ? $"while [ \"$({client} ping)\" = PONG ]; do sleep 0.05; done" : $"exec {client} -r 1000000000 -i 0.005 ping"], cgroup: cgroup);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.EndAsync(Child.Terminate, TimeSpan.FromSeconds(5));
        _server.Dispose();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
