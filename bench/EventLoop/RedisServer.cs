using System.Globalization;
using System.Net;
using System.Net.Sockets;
using VirtualServices.Cli.Demo;
using VirtualServices.Model;

namespace VirtualServices.Bench.EventLoop;

/// <summary>A Redis of our own that keeps nothing, on a free port of the loopback.</summary>
internal sealed class RedisServer : IAsyncDisposable
{
    private readonly Child _server;

    private RedisServer(Child server, int port) => (_server, Port) = (server, port);

    /// <summary>Its port on the loopback.</summary>
    public int Port { get; }

    /// <summary>Process id.</summary>
    public int Pid => _server.Pid;

    /// <summary>True where it ended.</summary>
    public bool HasExited => _server.HasExited;

    /// <summary>Starts it.</summary>
    /// <param name="cgroup">Folder of the cgroup to start in, or null for ours.</param>
    /// <param name="cancel">Ends the wait.</param>
    /// <param name="port">Its port; 0: one that is free.</param>
    public static async Task<RedisServer> StartAsync(string? cgroup, CancellationToken cancel, int port = 0)
    {
        if (port == 0)
        {
            using TcpListener probe = new(IPAddress.Loopback, 0);
            probe.Start();
            port = ((IPEndPoint)probe.LocalEndpoint).Port;
        }

        RedisServer server = new(Child.Start([Tools.Find("redis-server", "redis"), "--port", Text(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"], cgroup: cgroup), port);
        bool ready = await Wait.UntilAsync(() => server.HasExited || server._server.Output.Contains("Ready to accept connections", StringComparison.Ordinal), TimeSpan.FromSeconds(10), cancel);
        if (ready && !server.HasExited) return server;
        await server.DisposeAsync();
        throw new VsException(ExitCode.HostLacks, $"redis-server did not start: {server._server.Output}");
    }

    /// <summary>Asks some hundred times a second over one connection, or some twenty times over a new one each, until it is ended or a connection is lost.</summary>
    public Child Load(string cgroup, bool reconnects)
    {
        string client = $"{Tools.Find("redis-cli", "redis-tools")} -p {Text(Port)}";
        return Child.Start(["/bin/sh", "-c", reconnects ? $"while [ \"$({client} ping)\" = PONG ]; do sleep 0.05; done" : $"exec {client} -r 1000000000 -i 0.005 ping"], cgroup: cgroup);
    }

    /// <summary>Runs redis-cli.</summary>
    /// <returns>What it printed.</returns>
    public async Task<string> CommandAsync(CancellationToken cancel, params string[] words) =>
        (await Child.RunAsync([Tools.Find("redis-cli", "redis-tools"), "-p", Text(Port), .. words], null, cancel)).Trim();

    /// <summary>Ends it without a word, and waits until it is gone.</summary>
    public Task KillAsync(CancellationToken cancel)
    {
        _server.Signal(Child.Kill);
        return _server.WaitAsync(cancel);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _server.EndAsync(Child.Terminate, TimeSpan.FromSeconds(5));
        _server.Dispose();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
