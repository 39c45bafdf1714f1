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
    private readonly List<Process> _processes = [];

    public void Dispose()
    {
        EnforcementStop.Run(null);
        foreach (Process one in _processes)
        {
            one.Kill(entireProcessTree: true);
            one.WaitForExit();
            one.Dispose();
        }

        _network.Dispose();
    }

    /// <summary>Over the loopback each counts. On other devices the class of a socket's first datagram is chosen before anybody knows whose it is.</summary>
    [RootTheory]
    [InlineData("lo", "127.0.0.1", 0)]
    [InlineData(TestNetwork.Device, "10.99.0.2", 1)]
    public void They_count_for_it(string device, string address, int unknown)
    {
        Process receiver = Start("ip", "netns", "exec", device == "lo" ? _network.Near : _network.Far, "perl", "-e", Receiver), shell = Start("ip", "netns", "exec", _network.Near, "bash");
        string port = receiver.StandardOutput.ReadLine()!;
        RuleSet rules = new([TestRules.Tenant("acme", Pid(Ready(shell))), TestRules.Tenant(VirtualService.BestEffort)], [], []) { Devices = [new GovernedDevice(device, _network.Near, 1_000_000_000)] };
        using Enforcer enforcer = Enforcer.Start(rules, new EnforceOptions(), TestContext.Current.CancellationToken);
        shell.StandardInput.WriteLine(string.Create(CultureInfo.InvariantCulture, $"exec 3<>/dev/udp/{address}/{port}; for i in $(seq {Datagrams}); do printf %0{Payload}d 0 >&3; done; echo sent"));
        Assert.Equal("sent", shell.StandardOutput.ReadLine());
        Assert.Equal((Datagrams - unknown) * (Payload + Headers), enforcer.Status().Network.Single(total => total.VirtualService == "acme").Bytes);
    }

    private static Selector Pid(Process process) => new(SelectorKind.Pid, process.Id.ToString(CultureInfo.InvariantCulture));

    // ip becomes the shell: wait until it answers.
    private static Process Ready(Process shell)
    {
        shell.StandardInput.WriteLine("echo ready");
        Assert.Equal("ready", shell.StandardOutput.ReadLine());
        return shell;
    }

    private Process Start(string program, params string[] arguments)
    {
        _processes.Add(PostgresServer.Start(program, arguments));
        return _processes[^1];
    }
}
