using System.Net;
using System.Net.Sockets;
using VirtualServices.Cli.Demo;
using VirtualServices.Model;

namespace VirtualServices.Traces.Making;

/// <summary>A server that stays in the foreground, on a free port of the loopback.</summary>
internal sealed class Server : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(10), StopLimit = TimeSpan.FromSeconds(5);

    private readonly Child _child;

    private Server(Child child, int port) => (_child, Port) = (child, port);

    /// <summary>Its port.</summary>
    public int Port { get; }

    /// <summary>Process id.</summary>
    public int Pid => _child.Pid;

    /// <summary>A port that nobody has now.</summary>
    public static int FreePort()
    {
        using TcpListener probe = new(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    /// <summary>Starts it and waits until it accepts connections.</summary>
    public static async Task<Server> StartAsync(Func<int, IReadOnlyList<string>> command, string cgroup, CancellationToken cancel, Account? account = null, int port = 0)
    {
        port = port == 0 ? FreePort() : port;
        IReadOnlyList<string> words = command(port);
        Server server = new(Child.Start(words, account, cgroup), port);
        if (await Wait.UntilAsync(() => server._child.HasExited || Accepts(port), StartLimit, cancel) && !server._child.HasExited) return server;
        string said = server._child.Errors + server._child.Output;
        await server.DisposeAsync();
        throw new VsException(ExitCode.HostLacks, $"{Path.GetFileName(words[0])} did not start: {said}");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _child.EndAsync(Child.Terminate, StopLimit);
        _child.Dispose();
    }

    private static bool Accepts(int port)
    {
        try
        {
            using TcpClient client = new();
            client.Connect(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
