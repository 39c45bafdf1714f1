using VirtualServices.Enforce;
using VirtualServices.Model;

namespace VirtualServices.Kernel.Tests;

/// <summary>Who asks and who answers is known also where nobody calls receive or send, but io_uring does it, in the task itself or in workers of the ring.</summary>
[Collection(Enforcement.Name)]
public sealed class RingTests : ActorTests
{
    private string? _program;

    private string Program => _program ??= Compile("ring");

    /// <summary>The same in a file of its own, to be chosen by it.</summary>
    private string ClientProgram
    {
        get
        {
            if (!File.Exists(Program + "-client")) File.Copy(Program, Program + "-client");
            return Program + "-client";
        }
    }

    [RootTheory]
    [InlineData("inline")]
    [InlineData("async")]
    public void A_server_that_receives_by_a_ring_works_for_whoever_asked_last(string how)
    {
        Actor back = Add(Actor.Compiled(Program, "server", how)), a = Add(Actor.Client(back)), b = Add(Actor.Client(back));
        using Enforcer enforcer = Start([("a", a), ("b", b)], [("back", back)], Gate("g", "back"));
        Alternate(enforcer, back, a, b);
    }

    [RootTheory]
    [InlineData("inline")]
    [InlineData("async")]
    public void Clients_that_send_by_a_ring_are_known(string how)
    {
        Actor back = Add(Actor.Server("tcp4")), a = Add(RingClient(back, how)), b = Add(RingClient(back, how));
        using Enforcer enforcer = Start([("a", a), ("b", b)], [("back", back)], Gate("g", "back"));
        Alternate(enforcer, back, a, b);
    }

    [RootTheory]
    [InlineData("inline", "inline")]
    [InlineData("async", "async")]
    public void A_connection_made_by_a_ring_under_the_gates_is_known_to_a_server_with_a_ring(string server, string client)
    {
        Actor back = Add(Actor.Compiled(Program, "server", server));
        RuleSet rules = Rules([], [("back", back)], Gate("g", "back"));
        rules = rules with { VirtualServices = [TestRules.Tenant("a", new Selector(SelectorKind.Exe, ClientProgram)), .. rules.VirtualServices] };
        using Enforcer enforcer = Enforcer.Start(rules, new EnforceOptions(), TestContext.Current.CancellationToken);
        Actor a = Add(RingClient(back, client));
        a.Ask(5);
        Assert.Equal("a", Of(enforcer, back));
        Assert.Equal(0, enforcer.Status().Gates.Single().Unknown);
    }

    [RootFact]
    public void Nobody_can_tell_for_which_thread_a_worker_of_a_ring_receives()
    {
        Actor back = Add(Actor.Compiled(Program, "server", "async")), a = Add(Actor.Client(back));
        using Enforcer enforcer = Start([("a", a)], [("back", back)], Gate("g", "back", binds: BindScope.Thread));
        a.Ask(5);
        GateCount gate = enforcer.Status().Gates.Single();
        Assert.Equal((5L, 0L, 5L), (gate.Hits, gate.Rebinds, gate.Unknown));
        Assert.Equal("bestEffort", Of(enforcer, back));
    }

    private Actor RingClient(Actor server, string how) => Actor.Compiled(ClientProgram, "client", server.Where, how);
}
