using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using VirtualServices.Enforce;
using VirtualServices.Model;

namespace VirtualServices.Kernel.Tests;

/// <summary>Limits of sockets: what is counted, what happens beyond the limit, and that nothing is lost or counted twice.</summary>
[Collection(Enforcement.Name)]
public sealed class LimitTests : ActorTests
{
    private const int Again = 11; // EAGAIN

    [RootTheory]
    [InlineData("EAGAIN", 11)]
    [InlineData("EPERM", 1)]
    [InlineData("EDQUOT", 122)]
    public void A_socket_beyond_the_limit_fails_with_the_errno_and_a_closed_one_makes_room(string name, int errno)
    {
        using SocketHolder holder = new();
        using Enforcer enforcer = Start(Vs("a", holder.Pid, new MemberLimits(null, 3, LimitAction.Errno, name)));
        Assert.Equal((3, errno), holder.Open(5));
        Assert.Equal(new LimitUse("a", "sockets", 3, 3, 1, $"errno:{name}"), Assert.Single(enforcer.Status().Limits));
        holder.Close(1);
        Assert.Equal((1, errno), holder.Open(2));
        Assert.Equal((3L, 2L), UseOf(enforcer, "a"));
    }

    [RootFact]
    public void Ten_thousand_opened_and_closed_and_the_sockets_of_a_killed_process_end_at_nothing()
    {
        using SocketHolder one = new(), two = new();
        using Enforcer enforcer = Start(Vs("a", one.Pid, Limit(50)), Vs("b", two.Pid, null) with { Parent = "a" });
        Parallel.Invoke(() => one.Churn(10_000), () => two.Churn(10_000));
        Assert.Equal((0L, 0L), UseOf(enforcer, "a"));
        Assert.Equal((40, 0), one.Open(40));
        Assert.Equal((40L, 0L), UseOf(enforcer, "a"));
        one.Kill();
        Wait.Until(() => UseOf(enforcer, "a") == (0, 0), "the sockets of the killed process are given back");
    }

    [RootFact]
    public void The_limit_of_a_parent_bounds_the_sum_of_its_children()
    {
        using SocketHolder a = new(), b = new();
        using Enforcer enforcer = Start(TestRules.Tenant("p") with { Limits = Limit(4) }, Vs("a", a.Pid, Limit(3)) with { Parent = "p" }, Vs("b", b.Pid, null) with { Parent = "p" });
        Assert.Equal((3, Again), a.Open(4));
        Assert.Equal((1, Again), b.Open(2));
        Assert.Equal([(4L, 1L), (3L, 1L)], [UseOf(enforcer, "p"), UseOf(enforcer, "a")]);
        a.Kill();
        Wait.Until(() => UseOf(enforcer, "p").Used == 1, "the child's sockets are given back to its parent");
        Assert.Equal((3, Again), b.Open(4));
    }

    [RootFact]
    public void Without_the_enforcer_the_limit_holds_and_counts_are_taken_over()
    {
        using SocketHolder holder = new();
        VirtualService vs = Vs("a", holder.Pid, Limit(3));
        using (Start(vs)) Assert.Equal((3, Again), holder.Open(4)); // ends as by a kill: the gates stay
        Assert.Equal((0, Again), holder.Open(1));
        holder.Close(2);
        using Enforcer second = Start(vs with { Limits = Limit(2) });
        Assert.True(second.TookOver);
        Assert.Equal((1L, 2L), UseOf(second, "a"));
        Assert.Equal((1, Again), holder.Open(2));
        holder.Close(2);
        Assert.Equal((0L, 3L), UseOf(second, "a"));
    }

    [RootFact]
    public void Who_gets_another_parent_gives_back_where_it_was_counted()
    {
        using SocketHolder holder = new();
        VirtualService vs = Vs("a", holder.Pid, null), p = TestRules.Tenant("p") with { Limits = Limit(9) }, q = TestRules.Tenant("q") with { Limits = Limit(9) };
        using (Start(p, q, vs with { Parent = "p" })) holder.Open(3);
        using Enforcer enforcer = Start(p, q, vs with { Parent = "q" });
        holder.Open(2);
        Assert.Equal([(3L, 0L), (2L, 0L)], [UseOf(enforcer, "p"), UseOf(enforcer, "q")]);
        holder.Close(5);
        Assert.Equal([(0L, 0L), (0L, 0L)], [UseOf(enforcer, "p"), UseOf(enforcer, "q")]);
    }

    [RootFact]
    public void Sockets_that_are_older_than_the_limit_are_counted()
    {
        using SocketHolder holder = new();
        holder.Open(3);
        using Enforcer enforcer = Start(Vs("a", holder.Pid, Limit(2)));
        Assert.Equal((3L, 0L), UseOf(enforcer, "a"));
        Assert.Equal((0, Again), holder.Open(1));
        holder.Close(2);
        Assert.Equal((1, Again), holder.Open(2));
        holder.Close(2);
        Assert.Equal((0L, 2L), UseOf(enforcer, "a"));
    }

    [RootFact]
    public void An_audit_only_counts()
    {
        using SocketHolder holder = new();
        using Enforcer enforcer = Start(audit: true, Vs("a", holder.Pid, Limit(1)));
        Assert.Equal((3, 0), holder.Open(3));
        Assert.Equal(new LimitUse("a", "sockets", 3, 1, 2, "count"), Assert.Single(enforcer.Status().Limits));
    }

    [RootFact]
    public void A_socket_that_was_made_for_nobody_is_counted_or_refused_when_it_connects()
    {
        // Every five seconds the enforcer counts what it finds, these sockets too, connected or not: where the machine stood still that long, once more.
        TimeSpan count = TimeSpan.FromSeconds(4);
        for (int tries = 5; ; tries--)
        {
            long start = Stopwatch.GetTimestamp();
            try
            {
                ConnectWhatWasMadeForNobody();
                return;
            }
            catch (Xunit.Sdk.XunitException) when (tries > 1 && Stopwatch.GetElapsedTime(start) > count)
            {
            }
        }
    }

    private static void ConnectWhatWasMadeForNobody()
    {
        using SocketHolder first = new(), second = new();
        using TcpListener server = new(IPAddress.Loopback, 0);
        server.Start();
        int port = ((IPEndPoint)server.LocalEndpoint).Port;
        using Enforcer enforcer = Start(TestRules.Tenant("a") with { Limits = Limit(1) });
        first.Open(1);
        second.Open(1);
        ExplicitMembership.Assign("a", [first.Pid, second.Pid]);
        Assert.Equal((0L, 0L), UseOf(enforcer, "a"));
        Assert.Equal(0, first.Connect(port));
        Assert.Equal(Again, second.Connect(port));
        Assert.Equal((1L, 1L), UseOf(enforcer, "a"));
        first.Close(1);
        Assert.Equal(0, second.Connect(port));
        second.Close(1);
        Assert.Equal((0L, 1L), UseOf(enforcer, "a"));
    }

    [RootFact]
    public void A_connection_accepted_by_a_shared_service_counts_for_whom_it_is()
    {
        Actor back = Add(Actor.Server("tcp4")), a = Add(Actor.Client(back)), b = Add(Actor.Client(back));
        using Enforcer enforcer = StartShared(back, Vs("a", a.Pid, Limit(9)), Vs("b", b.Pid, Limit(9)));
        a.Ask();
        Assert.Equal([(2L, 0L), (2L, 0L)], [UseOf(enforcer, "a"), UseOf(enforcer, "b")]); // its own socket and the accepted one, used since the start or not
        for (int i = 0; i < 5; i++)
        {
            a.Reconnect();
            a.Ask();
        }

        Wait.Until(() => UseOf(enforcer, "a") == (2, 0), "both ends of the connections before are given back");
        a.Kill();
        Wait.Until(() => UseOf(enforcer, "a") == (0, 0), "the server closed its end");
        Assert.Equal((2L, 0L), UseOf(enforcer, "b"));
    }

    [RootFact]
    public void What_is_accepted_beyond_the_limit_cannot_be_refused_and_is_counted()
    {
        Actor back = Add(Actor.Server("tcp4")), a = Add(Actor.Client(back));
        RuleSet rules = Rules([], [("back", back)], Gate("g", "back"));
        rules = rules with { VirtualServices = [TestRules.Tenant("net", new Selector(SelectorKind.Client, "127.0.0.0/8")) with { Limits = Limit(1) }, .. rules.VirtualServices] };
        using Enforcer enforcer = Enforcer.Start(rules, new EnforceOptions(), TestContext.Current.CancellationToken);
        Actor other = Add(Actor.Client(back));
        other.Ask();
        a.Ask();
        Assert.Equal(("net", (2L, 1L)), (Of(enforcer, back), UseOf(enforcer, "net")));
    }

    [RootFact]
    public void Beyond_the_limit_new_connections_are_best_efforts_and_with_room_they_are_not()
    {
        Actor back = Add(Actor.Server("tcp4")), first = Add(Actor.Client(back)), second = Add(Actor.Client(back));
        VirtualService a = Vs("a", first.Pid, new MemberLimits(null, 2, LimitAction.BestEffort, ""));
        using Enforcer enforcer = StartShared(back, a with { FrontDoors = [.. a.FrontDoors, Pid(second)] });
        second.Reconnect();
        second.Ask();
        Assert.Equal("bestEffort", Of(enforcer, back));
        first.Ask();
        Assert.Equal("a", Of(enforcer, back));
        Assert.Equal("best-effort", Assert.Single(enforcer.Status().Limits).OnLimit);
        first.Kill();
        Wait.Until(() => UseOf(enforcer, "a").Used == 0, "the first connection is given back");
        second.Reconnect();
        second.Ask();
        Assert.Equal(("a", 2L), (Of(enforcer, back), UseOf(enforcer, "a").Used));
    }

    private static MemberLimits Limit(int sockets) => new(null, sockets, LimitAction.Errno, "EAGAIN");

    private static VirtualService Vs(string name, int frontDoor, MemberLimits? limits) =>
        TestRules.Tenant(name, new Selector(SelectorKind.Pid, frontDoor.ToString(CultureInfo.InvariantCulture))) with { Limits = limits };

    private static (long Used, long Hits) UseOf(Enforcer enforcer, string vs)
    {
        LimitUse use = enforcer.Status().Limits.Single(limit => limit.VirtualService == vs);
        return (use.Used, use.Hits);
    }

    private static Enforcer Start(params VirtualService[] tenants) => Start(audit: false, tenants);

    private static Enforcer Start(bool audit, params VirtualService[] tenants) =>
        Enforcer.Start(new RuleSet([.. tenants, TestRules.Tenant(VirtualService.BestEffort)], [], []), new EnforceOptions(audit), TestContext.Current.CancellationToken);

    private static Enforcer StartShared(Actor back, params VirtualService[] tenants)
    {
        RuleSet rules = Rules([], [("back", back)], Gate("g", "back"));
        return Enforcer.Start(rules with { VirtualServices = [.. tenants, .. rules.VirtualServices] }, new EnforceOptions(), TestContext.Current.CancellationToken);
    }
}
