using System.Net;
using System.Net.Sockets;
using VirtualServices.Cli.Demo;

namespace VirtualServices.Bench.OneAtATime;

/// <summary>Ports of the loopback.</summary>
internal static class Ports
{
    /// <summary>One that is free now.</summary>
    public static int Free()
    {
        using TcpListener probe = new(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    /// <summary>Waits until somebody listens.</summary>
    /// <param name="port">Where.</param>
    /// <param name="hasEnded">True where nobody will any more.</param>
    /// <param name="cancel">Ends the wait.</param>
    public static async Task<bool> AnswersAsync(int port, Func<bool> hasEnded, CancellationToken cancel) =>
        await Wait.UntilAsync(() => hasEnded() || Connects(port), TimeSpan.FromSeconds(10), cancel) && !hasEnded();

    private static bool Connects(int port)
    {
        using Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
