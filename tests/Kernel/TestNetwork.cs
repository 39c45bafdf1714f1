using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using VirtualServices.Linux.Network;

namespace VirtualServices.Kernel.Tests;

/// <summary>Two network namespaces of our own, joined by a veth pair: <c>near</c> has the device <c>near0</c> (10.99.0.1), <c>far</c> the other end (10.99.0.2). Only their devices are governed.</summary>
internal sealed class TestNetwork : IDisposable
{
    /// <summary>The device to govern.</summary>
    public const string Device = "near0";

    public TestNetwork()
    {
        string number = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        (Near, Far) = ($"vs-near-{number}", $"vs-far-{number}");
        Ip($"netns add {Near}");
        try
        {
            Ip($"netns add {Far}");
            Ip($"link add {Device} netns {Near} type veth peer name far0 netns {Far}");
            foreach ((string space, string device, string address) in new[] { (Near, Device, "10.99.0.1/24"), (Far, "far0", "10.99.0.2/24") })
            {
                Ip($"-n {space} addr add {address} dev {device}");
                Ip($"-n {space} link set {device} up");
                Ip($"-n {space} link set lo up");
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string Near { get; }

    public string Far { get; }

    /// <summary>The disciplines of the near namespace, as tc lists them.</summary>
    public string Disciplines => Run("ip", $"netns exec {Near} tc qdisc show");

    public static string Ip(string arguments) => Run("ip", arguments);

    /// <summary>A shell inside the near namespace: a tenant's process.</summary>
    public Process Shell()
    {
        Process shell = PostgresServer.Start("ip", "netns", "exec", Near, "bash");
        shell.StandardInput.WriteLine("echo ready"); // ip becomes the shell: wait until it answers
        Assert.Equal("ready", shell.StandardOutput.ReadLine());
        return shell;
    }

    /// <summary>Ends a shell and what it started. <see cref="Process.Kill(bool)"/> reads all of /proc for each child, half a minute for 64.</summary>
    public static void End(Process shell)
    {
        if (!shell.HasExited) shell.StandardInput.WriteLine("kill -9 $(jobs -p) $$");
        if (!shell.WaitForExit(TimeSpan.FromSeconds(5))) shell.Kill(entireProcessTree: true); // it does not read: something runs in its foreground
        shell.Dispose();
    }

    /// <summary>Listens in the far namespace.</summary>
    public Sink Listen(int port)
    {
        using NetworkNamespace space = NetworkNamespace.TryOpen(Far)!;
        return space.Run(() => new Sink(IPAddress.Parse("10.99.0.2"), port));
    }

    public void Dispose()
    {
        foreach (string space in NetworkNamespace.Names().Intersect([Near, Far])) Ip($"netns del {space}");
    }

    private static string Run(string program, string arguments)
    {
        using Process process = PostgresServer.Start(program, arguments.Split(' '));
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {arguments} exited with {process.ExitCode}");
        return output;
    }
}

/// <summary>Takes what is sent, and counts.</summary>
internal sealed class Sink : IDisposable
{
    private readonly Socket _listener = new(SocketType.Stream, ProtocolType.Tcp);
    private readonly ConcurrentDictionary<Socket, bool> _open = [];
    private long _bytesOfClosed;

    public Sink(IPAddress address, int port)
    {
        _listener.Bind(new IPEndPoint(address, port));
        _listener.Listen(128);
        new Thread(Accept) { IsBackground = true }.Start();
    }

    /// <summary>Bytes that the kernel received on all connections, read or not: a reader that is late changes nothing.</summary>
    public long Bytes => Interlocked.Read(ref _bytesOfClosed) + _open.Keys.Sum(Received);

    /// <summary>Connections that are open.</summary>
    public int Connections => _open.Count;

    public void Dispose() => _listener.Dispose();

    private void Accept()
    {
        try
        {
            while (true)
            {
                Socket one = _listener.Accept();
                new Thread(() => Read(one)) { IsBackground = true }.Start();
            }
        }
        catch (SocketException)
        {
            // Disposed: the test is over.
        }
    }

    private void Read(Socket socket)
    {
        using (socket)
        {
            _open[socket] = true;
            byte[] buffer = new byte[256 * 1024];
            try
            {
                while (socket.Receive(buffer) > 0)
                {
                }
            }
            catch (SocketException)
            {
                // The sender was killed.
            }

            Interlocked.Add(ref _bytesOfClosed, Received(socket));
            _open.TryRemove(socket, out _);
        }
    }

    private static long Received(Socket socket)
    {
        const int Tcp = 6, TcpInfo = 11, BytesReceived = 128; // IPPROTO_TCP, TCP_INFO, tcpi_bytes_received in linux/tcp.h
        Span<byte> info = stackalloc byte[BytesReceived + sizeof(ulong)];
        try
        {
            socket.GetRawSocketOption(Tcp, TcpInfo, info);
            return BitConverter.ToInt64(info[BytesReceived..]);
        }
        catch (ObjectDisposedException)
        {
            return 0; // closed at this instant: counted there
        }
    }
}
