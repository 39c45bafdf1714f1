using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using VirtualServices.Enforce;
using VirtualServices.Model;

namespace VirtualServices.Kernel.Tests;

/// <summary>A real server meets its limit of sockets and goes on afterwards: nginx that makes a connection to what is behind it for each request.</summary>
[Collection(Enforcement.Name)]
public sealed class LimitedServerTests : IDisposable
{
    private const int Pending = 3;

    private readonly string _folder = Directory.CreateTempSubdirectory("vs-nginx-").FullName;
    private readonly TcpListener _behind = new(IPAddress.Loopback, 0);
    private readonly int _port = NginxServer.FreePort();
    private readonly NginxServer _nginx;

    public LimitedServerTests()
    {
        _behind.Start();
        _nginx = new NginxServer(_folder, string.Create(CultureInfo.InvariantCulture, $$"""
              server { listen 127.0.0.1:{{_port}}; location / { proxy_pass http://127.0.0.1:{{((IPEndPoint)_behind.LocalEndpoint).Port}}; } }
            """));
    }

    public void Dispose()
    {
        EnforcementStop.Run(null);
        _nginx.Dispose();
        _behind.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [RootFact]
    public void Nginx_meets_its_limit_gets_the_errno_and_goes_on_when_sockets_are_closed()
    {
        // Where it listens, and for each request the connection that it accepts and the one that it makes.
        MemberLimits limits = new(null, 1 + 2 * Pending, LimitAction.Errno, "EAGAIN");
        VirtualService shop = TestRules.Tenant("shop", _nginx.Selector) with { Limits = limits };
        using Enforcer enforcer = Enforcer.Start(new RuleSet([shop, TestRules.Tenant(VirtualService.BestEffort)], [], []), new EnforceOptions(), TestContext.Current.CancellationToken);
        TcpClient[] clients = [.. Enumerable.Range(0, Pending).Select(_ => Ask())];
        TcpClient[] asked = [.. clients.Select(_ => _behind.AcceptTcpClient())];
        Assert.Equal((1 + 2 * Pending, 0L), UseOf(enforcer));

        Assert.StartsWith("HTTP/1.1 500 ", Answer(Ask()), StringComparison.Ordinal);
        Assert.Contains("socket() failed (11: ", File.ReadAllText(Path.Combine(_folder, "error")), StringComparison.Ordinal);
        Assert.Equal(2, UseOf(enforcer).Hits); // the connection that it accepted and could not refuse, and the one that it could not make

        foreach (TcpClient one in asked) Reply(one);
        Assert.All(clients, client => Assert.StartsWith("HTTP/1.1 200 ", Answer(client), StringComparison.Ordinal));
        Wait.Until(() => UseOf(enforcer).Used == 1, "only the socket at which it listens is left");
        for (int i = 0; i < Pending + 1; i++)
        {
            TcpClient client = Ask();
            Reply(_behind.AcceptTcpClient());
            Assert.StartsWith("HTTP/1.1 200 ", Answer(client), StringComparison.Ordinal);
        }

        Assert.Equal(2, UseOf(enforcer).Hits);
    }

    private static (long Used, long Hits) UseOf(Enforcer enforcer)
    {
        LimitUse use = Assert.Single(enforcer.Status().Limits);
        return (use.Used, use.Hits);
    }

    private TcpClient Ask()
    {
        TcpClient client = new("127.0.0.1", _port) { ReceiveTimeout = 10_000 };
        client.GetStream().Write("GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"u8);
        return client;
    }

    private static void Reply(TcpClient asked)
    {
        using (asked) asked.GetStream().Write("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"u8);
    }

    private static string Answer(TcpClient client)
    {
        using (client) return new StreamReader(client.GetStream(), Encoding.ASCII).ReadToEnd();
    }
}
