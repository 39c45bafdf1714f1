using System.Globalization;
using VirtualServices.Enforce;
using VirtualServices.Model;

namespace VirtualServices.Kernel.Tests;

/// <summary>Each gate call, scope and transport on servers that serve all their clients in one thread.</summary>
[Collection(Enforcement.Name)]
public sealed class GateTests : ActorTests
{
    [RootTheory]
    [InlineData("tcp4")]
    [InlineData("tcp6")]
    [InlineData("unix")]
    [InlineData("seq")]
    [InlineData("udp4")]
    [InlineData("udp6")]
    [InlineData("dgram")]
    public void A_server_works_for_whoever_asked_last(string kind)
    {
        Actor back = Add(Actor.Server(kind)), a = Add(Actor.Client(back)), b = Add(Actor.Client(back));
        using Enforcer enforcer = Start([("a", a), ("b", b)], [("back", back)], Gate("g", "back"));
        Alternate(enforcer, back, a, b);
    }

    [RootTheory]
    [InlineData("tcp4")]
    [InlineData("tcp6")]
    [InlineData("unix")]
    [InlineData("seq")]
    [InlineData("udp4")]
    [InlineData("udp6")]
    [InlineData("dgram")]
    public void A_pooled_connection_changes_its_tenant_with_each_request(string kind)
    {
        Actor back = Add(Actor.Server(kind)), front = Add(Actor.Server("tcp4", back)), a = Add(Actor.Client(front)), b = Add(Actor.Client(front));
        using Enforcer enforcer = Audit([("a", a), ("b", b)], [("front", front), ("back", back)], Gate("f", "front", binds: BindScope.Request), Gate("g", "back"));
        Alternate(enforcer, back, a, b);
        Assert.True(enforcer.Status().Gates.Single(gate => gate.Id == "f").Rebinds >= 20);
    }

    [RootTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Requests_that_waited_inside_a_relay_go_out_for_whoever_asked_them(bool afterProcesses)
    {
        Actor back = Add(Actor.Server("tcp4")), relay = Add(Actor.Relay(back)), a = Add(Actor.Client(relay)), b = Add(Actor.Client(relay)), c = Add(Actor.Client(relay));
        (string, Actor)[] tenants = [("a", a), ("b", b), ("c", c)], services = [("relay", relay), ("back", back)];
        if (afterProcesses)
            using (Audit(tenants, services, Gate("g", "back"))) a.Ask(3);
        using Enforcer enforcer = Audit(tenants, services, Gate("f", "relay", binds: BindScope.Request), Gate("g", "back"));
        Assert.Equal(afterProcesses, enforcer.TookOver);
        foreach (Actor one in (Actor[])[a, b, c]) one.Ask();
        Dictionary<string, long> before = Requests();
        Task first = Task.Run(() => a.Ask(1, 300), TestContext.Current.CancellationToken);
        Wait.Until(() => Of(enforcer, back) == "a", "the first request is in hand");
        await Task.Delay(50, TestContext.Current.CancellationToken);
        Task second = Task.Run(() => b.Ask(), TestContext.Current.CancellationToken); // the relay reads it, and keeps it until the first is answered
        await Task.Delay(50, TestContext.Current.CancellationToken);
        c.Ask();
        await Task.WhenAll(first, second);
        Assert.Equal([("a", 1), ("b", 1), ("c", 1)], Requests().OrderBy(now => now.Key).Select(now => (now.Key, now.Value - before[now.Key])));

        Dictionary<string, long> Requests() => enforcer.Status().Use.Where(use => use.Service == "back" && use.VirtualService is "a" or "b" or "c").ToDictionary(use => use.VirtualService, use => use.Counts.Requests);
    }

    [RootFact]
    public void A_server_whose_requests_were_bound_one_by_one_is_bound_as_a_process_by_the_next_rules()
    {
        Actor back = Add(Actor.Server("tcp4")), a = Add(Actor.Client(back)), b = Add(Actor.Client(back));
        using (Audit([("a", a), ("b", b)], [("back", back)], Gate("g", "back", binds: BindScope.Request))) a.Ask(3);
        using Enforcer enforcer = Start([("a", a), ("b", b)], [("back", back)], Gate("g", "back"));
        b.Ask();
        Wait.Until(() => Groups.Of(back.Pid) == Groups.Leaf("b"), "it is moved");
        Assert.Equal("b", Of(enforcer, back)); // it sleeps, and still works for whoever asked last
    }

    [RootTheory]
    [InlineData("tcp4")]
    [InlineData("unix")]
    [InlineData("udp4")]
    public void One_thread_is_charged_to_each_for_its_requests_only(string kind)
    {
        Actor back = Add(Actor.Server(kind)), a = Add(Actor.Client(back)), b = Add(Actor.Client(back)), nobody = Add(Actor.Client(back));
        using Enforcer enforcer = Audit([("a", a), ("b", b)], [("back", back)], Gate("g", "back", binds: BindScope.Request));
        long before = Groups.RuntimeNs(back.Pid);
        for (int i = 0; i < 40; i++)
        {
            a.Ask(1, 20);
            b.Ask(1, 10);
            nobody.Ask(1, 5);
        }

        long used = Groups.RuntimeNs(back.Pid) - before;
        Dictionary<string, long> charged = enforcer.Status().Use.Where(use => use.Service == "back").ToDictionary(use => use.VirtualService, use => use.CpuNs);
        Assert.InRange(charged.Values.Sum(), used * 0.99, used * 1.01);
        const double Ms = 1e6, Slack = 1.03; // a request costs a little more than it burns
        Assert.InRange(charged["a"], 40 * 20 * Ms, 40 * 20 * Ms * Slack);
        Assert.InRange(charged["b"], 40 * 10 * Ms, 40 * 10 * Ms * Slack);
        Assert.InRange(charged["bestEffort"], 40 * 5 * Ms, 40 * 5 * Ms * Slack + 10 * Ms);
    }

    [RootFact]
    public void A_thread_that_slept_while_another_bound_the_process_binds_it_again()
    {
        Actor back = Add(Actor.Compiled(Compile("threads"))), a = Add(Actor.Client(back)), b = Add(Actor.Client(back));
        using Enforcer enforcer = Start([("a", a), ("b", b)], [("back", back)], Gate("g", "back"));
        Alternate(enforcer, back, a, b);
    }

    [RootFact]
    public void A_client_network_is_a_front_door()
    {
        Actor back = Add(Actor.Server("tcp4")), a = Add(Actor.Client(back));
        RuleSet rules = Rules([], [("back", back)], Gate("g", "back"));
        rules = rules with { VirtualServices = [TestRules.Tenant("wide", new Selector(SelectorKind.Client, "0.0.0.0/0")), TestRules.Tenant("narrow", new Selector(SelectorKind.Client, "127.0.0.0/8")), .. rules.VirtualServices] };
        using Enforcer enforcer = Enforcer.Start(rules, new EnforceOptions(), TestContext.Current.CancellationToken);
        a.Ask();
        Assert.Equal("narrow", Of(enforcer, back));
    }

    [RootTheory]
    [InlineData(GateCall.Accept, "a", BindScope.Process)]
    [InlineData(GateCall.Accept, "fixed", BindScope.Process)]
    [InlineData(GateCall.Accept, "bestEffort", BindScope.Process)] // creator: the server listened before it worked for anybody
    [InlineData(GateCall.Receive, "fixed", BindScope.Process)]
    [InlineData(GateCall.Receive, "fixed", BindScope.Thread)]
    [InlineData(GateCall.Send, "fixed", BindScope.Process)]
    [InlineData(GateCall.Connect, "fixed", BindScope.Process)]
    [InlineData(GateCall.Socket, "fixed", BindScope.Process)]
    [InlineData(GateCall.Fork, "fixed", BindScope.Process)]
    [InlineData(GateCall.Exec, "fixed", BindScope.Process)]
    public void Each_call_binds_as_its_gate_says(GateCall call, string expected, BindScope scope)
    {
        Actor back = Add(Actor.Server("tcp4")), a = Add(Actor.Client(back));
        using Shell shell = new();
        bool shells = call is GateCall.Fork or GateCall.Exec or GateCall.Connect or GateCall.Socket;
        Classification classify = expected switch { "a" => new(ClassificationKind.Requester), "bestEffort" => new(ClassificationKind.Creator), _ => new(ClassificationKind.Named, "fixed") };
        Gate gate = Gate("g", "svc", call, classify, scope);
        RuleSet rules = Rules([("a", a)], [("svc", back)], gate);
        if (shells) rules = rules with { Services = [new Service("svc", [new Selector(SelectorKind.Pid, shell.Pid.ToString(CultureInfo.InvariantCulture))])] };
        rules = rules with { VirtualServices = [TestRules.Tenant("fixed"), .. rules.VirtualServices] };
        using Enforcer enforcer = Enforcer.Start(rules, new EnforceOptions(), TestContext.Current.CancellationToken);
        int bound = back.Pid;
        if (call is GateCall.Fork or GateCall.Exec) bound = shell.Fork();
        else if (shells) bound = shell.Fork($"perl -e 'use Socket; socket(my $s, AF_INET, SOCK_STREAM, 0); connect($s, pack_sockaddr_in({back.Where}, inet_aton(\"127.0.0.1\"))); sleep 60'");
        else a.Ask();
        Wait.Until(() => enforcer.Status().Processes.Any(process => process.Pid == bound && process.VirtualService == expected), $"process {bound} works for {expected}");
        GateCount count = Assert.Single(enforcer.Status().Gates);
        Assert.True(count.Hits > 0, $"{count}");
        if (expected != "bestEffort") Wait.Until(() => Groups.Of(bound) == Groups.Leaf(expected), "it is moved");
    }

    [RootFact]
    public void A_connection_can_be_bound_alone()
    {
        Actor back = Add(Actor.Server("tcp4")), a = Add(Actor.Client(back));
        RuleSet rules = Rules([("a", a)], [("back", back)], Gate("g", "back", GateCall.Accept, new(ClassificationKind.Named, "fixed"), BindScope.Connection));
        using Enforcer enforcer = Enforcer.Start(rules with { VirtualServices = [TestRules.Tenant("fixed"), .. rules.VirtualServices] }, new EnforceOptions(), TestContext.Current.CancellationToken);
        a.Ask();
        EnforcementStatus status = enforcer.Status();
        Assert.Contains(status.Use, use => use is { VirtualService: "fixed", Service: "back", Connections: 1 });
        Assert.Equal("bestEffort", Of(enforcer, back));
    }
}
