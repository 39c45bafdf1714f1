using VirtualServices.Infer.Replays;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;
using static VirtualServices.Infer.Tests.PostgresTests;

namespace VirtualServices.Infer.Tests;

public sealed class ReplayTests
{
    [Theory]
    [InlineData(Way.Tcp4, true, true)]
    [InlineData(Way.Mapped, true, true)]
    [InlineData(Way.Unix, true, true)]
    [InlineData(Way.Tcp6, false, true)]
    [InlineData(Way.Unix, false, true)]
    [InlineData(Way.Unix, true, false)]
    internal void Replaying_the_proposed_rules_gives_what_was_inferred(Way way, bool recorded, bool threads)
    {
        Recording recording = TwoTenants(way, recorded, threads: threads);
        InferenceResult result = Conclude(recording);
        ServiceFinding finding = result.Services.Single(s => s.Name == "postgres");
        ReplayService service = Assert.Single(Replay.Run(result.Rules, recording.Open()).Services);

        Assert.Equal(["blog", "shop", null], service.Parts.Select(p => p.VirtualService));
        Assert.Equal([6, 21, 0], service.Parts.Select(p => p.Requests));
        Assert.Equal(finding.Cpu.Select(c => c.Ns), service.Parts.SkipLast(1).Select(p => p.CpuNs).Where(ns => ns > 0)); // without threads there is none
        Assert.Equal(finding.CpuForNobodyNs, service.Parts[^1].CpuNs);
        if (threads) Assert.Equal(40_510_000UL, service.Parts[1].CpuNs); // 20 queries of 2 ms, half a ms for the startup, 10 µs to end
        Assert.Equal(finding.Bytes.In, service.Parts.Sum(p => p.BytesIn));
        Assert.Equal(finding.Bytes.Out, service.Parts.Sum(p => p.BytesOut));
    }

    [Fact]
    public void Rules_from_one_session_charge_another_one_by_its_own_processes()
    {
        RuleSet rules = Conclude(TwoTenants(Way.Tcp4, recorded: false)).Rules;
        var other = new Recording("s2");
        other.Process(888, unit: "blog.service");
        other.Process(999, unit: "stranger.service");
        var postgres = new Postgres(other);
        postgres.Connect(888, Way.Tcp4, clientRecorded: false);
        postgres.Connect(999, Way.Tcp4, clientRecorded: false);

        ReplayService service = Assert.Single(Replay.Run(rules, other.Open()).Services);
        Assert.Equal([("blog", 1L), (null, 1L)], service.Parts.Select(p => (p.VirtualService, p.Requests)));
    }

    [Fact]
    public void A_gate_for_another_address_or_a_rejected_one_charges_nobody()
    {
        Recording recording = TwoTenants(Way.Tcp4, recorded: false);
        RuleSet rules = Conclude(recording).Rules;
        Assert.True(ListenAddress.TryParse("tcp/9999", out ListenAddress elsewhere));
        Gate gate = rules.Gates[0];
        foreach (Gate changed in new[] { gate with { When = new GateCondition(elsewhere, null) }, gate with { State = GateState.Rejected } })
        {
            ReplayService service = Assert.Single(Replay.Run(rules with { Gates = [changed] }, recording.Open()).Services);
            Assert.Null(Assert.Single(service.Parts).VirtualService);
        }
    }

    [Theory]
    [InlineData("tcp/5432", "tcp/127.0.0.1:5432", 0, "shop")]
    [InlineData("tcp/127.0.0.1:5432", "tcp/5432", 0, "blog")]
    [InlineData("tcp/5432", "tcp/127.0.0.1:5432", 5, "blog")]
    [InlineData("tcp/5432", "tcp/5432", 0, "blog")]
    public void Of_several_gates_the_one_charges_that_would_act(string first, string second, int priorityOfBlog, string charged)
    {
        Recording recording = TwoTenants(Way.Tcp4, recorded: false);
        RuleSet rules = Conclude(recording).Rules;
        Gate[] gates = [.. new[] { (first, "blog"), (second, "shop") }.Select((one, i) => rules.Gates[0] with
        {
            Id = $"g{i}",
            When = new GateCondition(ListenAddress.TryParse(one.Item1, out ListenAddress address) ? address : null, null),
            Classify = new Classification(ClassificationKind.Named, one.Item2),
        })];
        rules = rules with { Gates = gates, VirtualServices = [.. rules.VirtualServices.Select(vs => vs with { Priority = vs.Name == "blog" ? priorityOfBlog : 0 })] };
        ReplayService service = Assert.Single(Replay.Run(rules, recording.Open()).Services);
        Assert.Equal(27, service.Parts.Where(part => part.VirtualService == charged).Sum(part => part.Requests));
    }

    [Fact]
    public void Of_nested_networks_of_clients_the_narrowest_counts_whatever_its_priority()
    {
        RuleSet rules = Conclude(TwoTenants(Way.Tcp4, recorded: false)).Rules;
        rules = rules with { VirtualServices = [.. rules.VirtualServices, Network("wide", 9, "127.0.0.0/8"), Network("narrow", 0, "127.0.0.1/32")] };
        var other = new Recording("s2");
        other.Process(999, unit: "stranger.service");
        new Postgres(other).Connect(999, Way.Tcp4, clientRecorded: false);
        Assert.Equal("narrow", Assert.Single(Assert.Single(Replay.Run(rules, other.Open()).Services).Parts, part => part.Requests > 0).VirtualService);

        static VirtualService Network(string name, int priority, string clients) => new(name, null, priority, new CpuShare(), new NetworkShare(), null, [new Selector(SelectorKind.Client, clients)]);
    }

    [Fact]
    public void A_gate_for_one_requester_leaves_the_other_alone()
    {
        Recording recording = TwoTenants(Way.Tcp4, recorded: false);
        RuleSet rules = Conclude(recording).Rules;
        Gate narrowed = rules.Gates[0] with { When = rules.Gates[0].When with { Requesters = ["shop"] } };
        ReplayService service = Assert.Single(Replay.Run(rules with { Gates = [narrowed] }, recording.Open()).Services);
        Assert.Equal(["shop", null], service.Parts.Select(p => p.VirtualService));
    }

    [Fact]
    public void A_forked_child_inherits_what_its_parent_is_bound_to()
    {
        Recording recording = TwoTenants(Way.Tcp4, recorded: false);
        RuleSet rules = Conclude(recording).Rules;
        var postgres = new Postgres(recording);
        Session session = postgres.Connect(300, Way.Tcp4, clientRecorded: false);
        recording.Call(CallKind.Fork, session.Backend, child: 20_000, childPid: 20_000);
        recording.Call(CallKind.Exit, 20_000, cpuNs: 777_000_000);
        recording.Services.RemoveAt(recording.Services.Count - 1);

        ReplayService service = Assert.Single(Replay.Run(rules, recording.Open()).Services);
        Assert.True(service.Parts[0].CpuNs > 777_000_000, $"blog got {service.Parts[0].CpuNs}");
    }

    [Fact]
    public void What_is_charged_to_somebody_else_than_the_known_one_is_wrong()
    {
        Recording recording = TwoTenants(Way.Tcp4, recorded: false);
        RuleSet rules = Conclude(recording).Rules;
        recording.KnownVirtualServices.AddRange(["shop", "blog"]);
        for (int i = 0; i < recording.Events.Count; i++)
        {
            SessionEvent e = recording.Events[i];
            if (e is not { Call: CallKind.Receive, Result: > 0 }) continue;
            e.VirtualService = e.Result == 50 ? 1 : 0; // blog's 5 queries are said to be shop's
            if (e.Result == 100) e.VirtualService = 1;
            recording.Events[i] = e;
        }

        ReplayService service = Assert.Single(Replay.Run(rules, recording.Open()).Services);
        Assert.Equal((25, 5), (service.Known.Requests, service.Wrong.Requests));
        Assert.InRange(service.Wrong.CpuNs, 5_000_000UL, 5_600_000UL);
    }
}
