using System.Net;
using System.Net.Sockets;
using VirtualServices.Cli.Demo;
using VirtualServices.Model;

namespace VirtualServices.Traces.Making;

/// <summary>A server that stays in the foreground, on a port that is free on the loopback.</summary>
internal sealed class Server : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(10), StopLimit = TimeSpan.FromSeconds(5);

    private readonly Child _child;

    private Server(Child child, int port) => (_child, Port) = (child, port);

    /// <summary>Its port.</summary>
    public int Port { get; }

    /// <summary>Process id.</summary>
    public int Pid => _child.Pid;

    /// <summary>Starts it and waits until it listens.</summary>
    public static async Task<Server> StartAsync(Func<int, IReadOnlyList<string>> command, string cgroup, CancellationToken cancel, Account? account = null, string? networkNamespace = null)
    {
        int port = FreePort();
        IReadOnlyList<string> words = command(port);
        Server server = new(Child.Start(words, account, cgroup, networkNamespace: networkNamespace), port);
        if (await Wait.UntilAsync(() => server._child.HasExited || Listens(server.Pid, port), StartLimit, cancel) && !server._child.HasExited) return server;
        string said = server._child.Errors + server._child.Output;
        await server.DisposeAsync();
        throw new VsException(ExitCode.HostLacks, $"{Path.GetFileName(words[0])} did not start: {said}");
    }

    /// <summary>Ends it; then what it writes at its end is there.</summary>
    public Task StopAsync() => _child.EndAsync(Child.Terminate, StopLimit);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _child.Dispose();
    }

    private static int FreePort()
    {
        using TcpListener probe = new(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    // As its own network namespace has it; asking it would be a request more.
    private static bool Listens(int pid, int port)
    {
        const string Listening = "0A";
        string end = $":{port:X4}";
        try
        {
            return File.ReadLines($"/proc/{pid}/net/tcp").Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Any(words => words[1].EndsWith(end, StringComparison.Ordinal) && words[3] == Listening);
        }
        catch (IOException)
        {
            return false; // it has ended
        }
    }
}
