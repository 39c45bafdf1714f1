using System.Diagnostics;
using System.Globalization;
using VirtualServices.Enforce;
using VirtualServices.Model;

namespace VirtualServices.Kernel.Tests;

/// <summary>Datagrams that a tenant's own processes send, which no service has, count for the tenant.</summary>
[Collection(Enforcement.Name)]
public sealed class OwnDatagramTests : IDisposable
{
    private const int Datagrams = 20, Payload = 1000, Headers = 14 + 20 + 8; // Ethernet, IPv4 and UDP
    private const string Receiver = """
        use Socket; $| = 1;
        socket(my $s, AF_INET, SOCK_DGRAM, 0); bind($s, pack_sockaddr_in(0, INADDR_ANY)) or die;
        print((unpack_sockaddr_in(getsockname($s)))[0], "\n"); <STDIN>;
        """;

    private readonly TestNetwork _network = new();
    private readonly Process _shell;
    private Process? _receiver;

    public OwnDatagramTests() => _shell = _network.Shell();

    public void Dispose()
    {
        EnforcementStop.Run(null);
        TestNetwork.End(_shell);
        _receiver?.Kill();
        _receiver?.Dispose();
        _network.Dispose();
    }

    /// <summary>Over the loopback each counts. On other devices the class of a socket's first datagram is chosen before anybody knows whose it is.</summary>
    [RootTheory]
    [InlineData("lo", "127.0.0.1", 0)]
    [InlineData(TestNetwork.Device, "10.99.0.2", 1)]
    public void They_count_for_it(string device, string address, int unknown)
    {
        _receiver = PostgresServer.Start("ip", "netns", "exec", device == "lo" ? _network.Near : _network.Far, "perl", "-e", Receiver);
        string port = _receiver.StandardOutput.ReadLine()!;
        Selector door = new(SelectorKind.Pid, _shell.Id.ToString(CultureInfo.InvariantCulture));
        RuleSet rules = new([TestRules.Tenant("acme", door), TestRules.Tenant(VirtualService.BestEffort)], [], []) { Devices = [new GovernedDevice(device, _network.Near, 1_000_000_000)] };
        using Enforcer enforcer = Enforcer.Start(rules, new EnforceOptions(), TestContext.Current.CancellationToken);
        _shell.StandardInput.WriteLine(string.Create(CultureInfo.InvariantCulture, $"exec 3<>/dev/udp/{address}/{port}; for i in $(seq {Datagrams}); do printf %0{Payload}d 0 >&3; done; echo sent"));
        Assert.Equal("sent", _shell.StandardOutput.ReadLine());
        Assert.Equal((Datagrams - unknown) * (Payload + Headers), enforcer.Status().Network.Single(total => total.VirtualService == "acme").Bytes);
    }
}
