using VirtualServices.Model;

namespace VirtualServices.Kernel.Tests;

/// <summary>Where a request cannot be held safely the rules are refused, and nothing stays behind.</summary>
[Collection(Enforcement.Name)]
public sealed class AdmissionRefusalTests : ActorTests
{
    [RootFact]
    public void A_server_whose_receives_may_wait_is_refused_and_goes_on()
    {
        Actor back = Add(Actor.Server("tcp4")), a = Add(Actor.Client(back)), b = Add(Actor.Client(back));
        a.Ask();
        b.Ask();
        VsException refused = Assert.Throws<VsException>(() => Start([("a", a), ("b", b)], [("back", back)], Requests(back)));
        Assert.Equal(ExitCode.BadInput, refused.ExitCode);
        Assert.Contains($"service back: requests cannot be admitted one by one: process {back.Pid} receives with calls that wait", refused.Message, StringComparison.Ordinal);
        Leftovers.AssertNone();
        a.Ask(10);
        b.Ask(10);
    }

    [RootFact]
    public void A_refusal_that_replaces_rules_puts_everything_back()
    {
        Actor back = Add(Actor.Server("tcp4")), a = Add(Actor.Client(back)), b = Add(Actor.Client(back));
        using (Start([("a", a), ("b", b)], [("back", back)], Gate("g", "back"))) a.Ask();
        Assert.Throws<VsException>(() => Start([("a", a), ("b", b)], [("back", back)], Requests(back)));
        Leftovers.AssertNone();
        b.Ask(10);
    }

    [RootFact]
    public void A_server_in_another_network_namespace_is_refused()
    {
        using TestNetwork network = new();
        Actor back = Add(Actor.ServerIn(network.Near)), a = Add(Actor.Client(Add(Actor.Server("tcp4"))));
        VsException refused = Assert.Throws<VsException>(() => Start([("a", a)], [("back", back)], Requests(back)));
        Assert.Contains($"process {back.Pid} is in another network namespace", refused.Message, StringComparison.Ordinal);
        Leftovers.AssertNone();
    }

    private static Gate Requests(Actor server)
    {
        Assert.True(ListenAddress.TryParse($"tcp/{server.Where}", out ListenAddress address));
        return Gate("g", "back", binds: BindScope.Request) with { When = new GateCondition(address, null) };
    }
}
