using VirtualServices.Enforce;
using VirtualServices.Enforce.Explaining;
using VirtualServices.Model;

namespace VirtualServices.Kernel.Tests;

/// <summary>Reasons for what a real enforcement did.</summary>
[Collection(Enforcement.Name)]
public sealed class ExplainTests : IDisposable
{
    private readonly PostgresServer _server = new();

    public void Dispose()
    {
        EnforcementStop.Run(null);
        _server.Dispose();
    }

    [RootTheory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    [InlineData(null)]
    public void A_backend_leads_to_the_front_door_that_asked(string? host)
    {
        using PostgresClient acme = _server.Connect(host);
        using Enforcer enforcer = Start(("acme", acme.Pid));
        acme.Reconnect();
        Wait.Until(() => Explain(acme.Backend).VirtualService == "acme", "the gate bound the backend");
        DateTimeOffset now = DateTimeOffset.UtcNow;
        ProcessExplanation backend = Explain(acme.Backend);
        Assert.Equal((ExplainVerdict.Governed, "acme", "postgres", "postgres"), (backend.Verdict, backend.VirtualService, backend.Service, backend.Comm));
        Assert.Equal([ExplainStepKind.Gate, ExplainStepKind.FrontDoor], backend.Chain.Select(step => step.Kind));
        Assert.Equal(("postgres-receive", acme.Pid), (backend.Chain[0].Gate, backend.Chain[0].Other));
        Assert.InRange(backend.Chain[0].At!.Value, now.AddSeconds(-10), now.AddSeconds(0.1));
        Assert.Contains(host ?? ".s.PGSQL.", backend.Chain[0].Connection, StringComparison.Ordinal);
        Assert.Equal((acme.Pid, $"pid:{acme.Pid}"), (backend.Chain[1].Pid, Assert.Single(backend.Chain[1].Selectors)));
        if (host is null) return;

        // The connection by its name, in either order.
        string[] ends = backend.Chain[0].Connection.Split('-');
        foreach (string name in (string[])[$"{ends[0]}-{ends[1]}", $"{ends[1]}-{ends[0]}"])
        {
            ConnectionExplanation connection = Assert.Single(Connections(name));
            Assert.Equal((ends[0], ends[1], "acme", "postgres", ExplainVerdict.Governed), (connection.Client, connection.Server, connection.VirtualService, connection.Service, connection.Verdict));
            Assert.Equal([acme.Pid, acme.Backend], connection.ClientProcesses.Concat(connection.ServerProcesses).Select(process => process.Pid));
        }
    }

    [RootFact]
    public void A_unix_socket_is_named_by_its_path()
    {
        using PostgresClient acme = _server.Connect(null);
        using Enforcer enforcer = Start(("acme", acme.Pid));
        ConnectionExplanation connection = Assert.Single(Connections(_server.UnixSocket));
        Assert.Equal(("unix", "", _server.UnixSocket, "acme"), (connection.Protocol, connection.Client, connection.Server, connection.VirtualService));
        Assert.Equal([acme.Pid, acme.Backend], connection.ClientProcesses.Concat(connection.ServerProcesses).Select(process => process.Pid));
    }

    [RootFact]
    public void A_child_leads_to_its_parent_while_that_lives()
    {
        using Shell shell = new();
        using Enforcer enforcer = Start(("acme", shell.Pid));
        int child = shell.Fork();
        Assert.Equal([(ExplainStepKind.Fork, child, shell.Pid), (ExplainStepKind.FrontDoor, shell.Pid, 0)], Explain(child).Chain.Select(step => (step.Kind, step.Pid, step.Other)));
        ExplicitMembership.Assign("bestEffort", [shell.Pid]);
        ExplainStep left = Assert.Single(Explain(child).Chain);
        Assert.Equal("that process works for bestEffort by now", left.Note);
        Assert.Equal((ExplainVerdict.BestEffort, ExplainStepKind.Assigned), (Explain(shell.Pid).Verdict, Assert.Single(Explain(shell.Pid).Chain).Kind));
    }

    [RootFact]
    public void What_no_rule_speaks_of_and_what_is_nobodys_is_said()
    {
        using PostgresClient acme = _server.Connect(), stranger = _server.Connect();
        using Enforcer enforcer = Start(("acme", acme.Pid));
        stranger.Reconnect();
        stranger.Ask("select 1;");
        Assert.Equal((ExplainVerdict.NotGoverned, ExplainStepKind.NotGoverned), (Explain(stranger.Pid).Verdict, Assert.Single(Explain(stranger.Pid).Chain).Kind));
        ProcessExplanation backend = Explain(stranger.Backend);
        Assert.Equal((ExplainVerdict.BestEffort, "postgres"), (backend.Verdict, backend.Service));
        ProcessExplanation server = Explain(_server.Pid);
        Assert.Equal((ExplainVerdict.BestEffort, ExplainStepKind.Service, $"pid:{_server.Pid}"), (server.Verdict, server.Chain[0].Kind, server.Chain[0].Selectors.Single()));
        Assert.Contains(Connections($"127.0.0.1:{_server.Port}"), connection => connection is { Verdict: ExplainVerdict.BestEffort, VirtualService: "", Service: "postgres" });
    }

    [RootFact]
    public void What_does_not_exist_is_an_answer_too()
    {
        Assert.Contains("nothing is enforced", Assert.Throws<VsException>(() => Explain(1)).Message, StringComparison.Ordinal);
        using PostgresClient acme = _server.Connect();
        using (Start(("acme", acme.Pid)))
        {
            Assert.StartsWith("there is no process 4194304", Assert.Throws<VsException>(() => Explain(4_194_304)).Message, StringComparison.Ordinal);
            Assert.StartsWith("there is no open connection 127.0.0.1:9-127.0.0.1:10", Assert.Throws<VsException>(() => Connections("127.0.0.1:9-127.0.0.1:10")).Message, StringComparison.Ordinal);
        }

        // The enforcer is dead now; the gates are not.
        acme.Reconnect();
        Wait.Until(() => Explain(acme.Backend).VirtualService == "acme", "the gate bound the backend without an enforcer");
    }

    private static ProcessExplanation Explain(int pid)
    {
        using ExplainReader reader = ExplainReader.Open();
        return reader.Process(pid);
    }

    private static IReadOnlyList<ConnectionExplanation> Connections(string name)
    {
        Assert.True(ConnectionName.TryParse(name, out ConnectionName parsed));
        using ExplainReader reader = ExplainReader.Open();
        return reader.Connections(parsed);
    }

    private Enforcer Start(params (string Name, int FrontDoor)[] tenants) =>
        Enforcer.Start(TestRules.For(_server, tenants), new EnforceOptions(), TestContext.Current.CancellationToken);
}
