using VirtualServices.Model;

namespace VirtualServices.Enforce.Tests;

public sealed class HostRefusalsTests
{
    private static readonly RuleSet Rules = Given.Rules(
        [Given.Vs("a") with { Limits = new MemberLimits(null, 5, LimitAction.BestEffort, "") }, Given.Vs("b") with { Limits = new MemberLimits(null, 6, LimitAction.BestEffort, "") }],
        Given.Gate("one", "keep", on: GateCall.Socket),
        Given.Gate("two", listen: "udp/53"),
        Given.Gate("three", binds: BindScope.Thread),
        Given.Gate("four", binds: BindScope.Thread),
        Given.Gate("open", listen: "udp/53", state: GateState.Proposed),
        Given.Gate("five"));

    [Theory]
    [InlineData(true, true, true, "")]
    [InlineData(false, true, true, "gate three, gate four")]
    [InlineData(true, false, true, "virtual service a, virtual service b, gate one, gate two")]
    [InlineData(false, false, false, "virtual service a, virtual service b, gate one, gate two, gate three, gate four")]
    public void Each_that_the_host_cannot_do_is_named(bool threads, bool hooks, bool unified, string named)
    {
        Refusal[] refusals = [.. HostRefusals.Find(Rules, threads, () => hooks, () => hooks, () => hooks, () => hooks, unified)];
        Assert.Equal(named, string.Join(", ", refusals.Select(refusal => refusal.Subject)));
        Assert.All(refusals.Where(refusal => !refusal.Text.Contains("thread", StringComparison.Ordinal)), refusal => Assert.Contains(unified ? "Linux 6.16" : "mount -t cgroup2", refusal.Text, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(true, "that takes the program on_arrival")]
    [InlineData(false, "mount -t cgroup2")]
    public void Names_that_cannot_be_read_are_refused(bool unified, string remedy)
    {
        RuleSet rules = Given.Rules([Given.Vs("a") with { FrontDoors = [new Selector(SelectorKind.Host, "shop.example")] }, Given.Vs("b")]);
        Refusal refusal = Assert.Single(HostRefusals.Find(rules, threads: true, () => true, () => false, () => true, () => true, unified));
        Assert.Equal("virtual service a", refusal.Subject);
        Assert.Contains(remedy, refusal.Text, StringComparison.Ordinal);
        Assert.Empty(HostRefusals.Find(rules, threads: true, () => false, () => true, () => true, () => true, unified));
    }

    [Fact]
    public void Forks_that_cannot_fail_are_refused()
    {
        RuleSet rules = Given.Rules([
            Given.Vs("a") with { Limits = new MemberLimits(5, null, LimitAction.Errno, "ENOMEM") },
            Given.Vs("b") with { Limits = new MemberLimits(5, null, LimitAction.BestEffort, "") },
            Given.Vs("c") with { Limits = new MemberLimits(null, 5, LimitAction.Errno, "EAGAIN") },
        ]);
        Refusal refusal = Assert.Single(HostRefusals.Find(rules, threads: true, () => true, () => true, () => false, () => true, unified: true));
        Assert.Equal(("virtual service a", "limits.processes"), (refusal.Subject, refusal.Place));
        Assert.StartsWith("a fork can be made to fail with ENOMEM only by", refusal.Text, StringComparison.Ordinal);
        Assert.Empty(HostRefusals.Find(rules, threads: true, () => true, () => true, () => true, () => true, unified: true));
    }

    [Fact]
    public void Calls_that_cannot_wait_are_refused()
    {
        RuleSet rules = Given.Rules([
            Given.Vs("a") with { Limits = new MemberLimits(5, null, LimitAction.Block, "") },
            Given.Vs("b") with { Limits = new MemberLimits(5, null, LimitAction.BestEffort, "") },
        ]);
        Refusal refusal = Assert.Single(HostRefusals.Find(rules, threads: true, () => true, () => true, () => true, () => false, unified: true));
        Assert.Equal(("virtual service a", "limits.onLimit"), (refusal.Subject, refusal.Place));
        Assert.StartsWith("a call can be made to wait only by", refusal.Text, StringComparison.Ordinal);
        Assert.Empty(HostRefusals.Find(rules, threads: true, () => true, () => true, () => true, () => true, unified: true));
    }

    [Fact]
    public void The_kernel_is_asked_only_where_a_rule_needs_it() =>
        Assert.Empty(HostRefusals.Find(Given.Rules([Given.Vs("a")], Given.Gate("one")), threads: true, () => throw new InvalidOperationException("asked"), () => throw new InvalidOperationException("asked"), () => throw new InvalidOperationException("asked"), () => throw new InvalidOperationException("asked"), unified: true));
}
