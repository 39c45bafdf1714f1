using VirtualServices.Enforce;

namespace VirtualServices.Kernel.Tests;

public sealed class EnforceTests : IDisposable
{
    private readonly PostgresServer _server = new();

    public void Dispose()
    {
        EnforcementStop.Run(null);
        _server.Dispose();
    }

    [RootFact]
    public void A_backend_is_moved_to_the_group_of_the_tenant_that_connects()
    {
        using PostgresClient acme = _server.Connect(), other = _server.Connect();
        using Enforcer enforcer = Start(("acme", acme.Pid), ("other", other.Pid));
        acme.Reconnect();
        other.Reconnect();
        Wait.Until(() => Groups.Of(acme.Backend) == Groups.Leaf("acme"), $"acme's backend {acme.Backend} is in its group");
        Wait.Until(() => Groups.Of(other.Backend) == Groups.Leaf("other"), $"other's backend {other.Backend} is in its group");
        enforcer.Stop();
        Assert.Equal("/", Groups.Of(acme.Backend));
    }

    private Enforcer Start(params (string Name, int FrontDoor)[] tenants) =>
        Enforcer.Start(TestRules.For(_server, tenants), new EnforceOptions(Log: TestContext.Current.SendDiagnosticMessage), TestContext.Current.CancellationToken);
}
