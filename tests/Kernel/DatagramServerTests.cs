using System.Diagnostics;
using System.Globalization;
using VirtualServices.Enforce;
using VirtualServices.Model;

namespace VirtualServices.Kernel.Tests;

/// <summary>A server of datagrams that was asked before the gates came and answers after: the first that they see of it is a send.</summary>
[Collection(Enforcement.Name)]
public sealed class DatagramServerTests : IDisposable
{
    private const string Server = """
        use Socket; $| = 1;
        socket(my $s, AF_INET, SOCK_DGRAM, 0); bind($s, pack_sockaddr_in(0, inet_aton('127.0.0.1'))) or die;
        print((unpack_sockaddr_in(getsockname($s)))[0], "\n");
        my $from = recv($s, my $bytes, 100, 0); print "asked\n"; <STDIN>;
        do { send($s, $bytes, 0, $from) } while $from = recv($s, $bytes, 100, 0);
        """;

    private const string Client = """
        use Socket; $| = 1;
        socket(my $s, AF_INET, SOCK_DGRAM, 0); my $to = pack_sockaddr_in($ARGV[0], inet_aton('127.0.0.1'));
        for (1 .. 2) { send($s, 'x', 0, $to); recv($s, my $bytes, 100, 0); print "answered\n"; <STDIN>; }
        """;

    private readonly List<Process> _processes = [];

    public void Dispose()
    {
        EnforcementStop.Run(null);
        foreach (Process one in _processes)
        {
            one.Kill();
            one.WaitForExit();
            one.Dispose();
        }
    }

    [RootFact]
    public void What_it_is_asked_from_then_on_is_counted_for_whoever_asks()
    {
        Process server = Start(Server);
        string port = server.StandardOutput.ReadLine()!;
        Process client = Start(Client, port);
        Assert.Equal("asked", server.StandardOutput.ReadLine());
        RuleSet rules = new(
            [TestRules.Tenant("a", Pid(client)), TestRules.Tenant(VirtualService.BestEffort)],
            [new Service("datagrams", [Pid(server)])],
            [new Gate("g", "datagrams", GateCall.Receive, new GateCondition(new ListenAddress(TransportProtocol.Udp, null, int.Parse(port, CultureInfo.InvariantCulture), ""), null), new Classification(ClassificationKind.Requester), BindScope.Process, GateState.Approved, null, GateReview.None)]);
        using Enforcer enforcer = Enforcer.Start(rules, new EnforceOptions(Audit: true), TestContext.Current.CancellationToken);
        server.StandardInput.WriteLine();
        Assert.Equal("answered", client.StandardOutput.ReadLine());
        client.StandardInput.WriteLine();
        Assert.Equal("answered", client.StandardOutput.ReadLine());
        ServiceUse use = Assert.Single(enforcer.Status().Use, use => use.Service == "datagrams" && use.Counts.Requests > 0);
        Assert.Equal(("a", 1L), (use.VirtualService, use.Counts.Requests));
    }

    private static Selector Pid(Process process) => new(SelectorKind.Pid, process.Id.ToString(CultureInfo.InvariantCulture));

    private Process Start(string script, params string[] arguments)
    {
        _processes.Add(PostgresServer.Start("perl", ["-e", script, .. arguments]));
        return _processes[^1];
    }
}
