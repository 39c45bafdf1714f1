using System.Runtime.CompilerServices;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Rules;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Tests;

public sealed class LimitPlanTests
{
    private static readonly MemberLimits Five = new(null, 5, LimitAction.Errno, "EMFILE");

    [Fact]
    public void Without_a_limit_nothing_is_counted() => Assert.Empty(Plan(Given.Vs("a"), Given.Vs("b", parent: "a")));

    [Fact]
    public void Who_has_a_limit_counts_with_all_below_and_in_all_above()
    {
        CounterPlan[] plans = Plan(Given.Vs("top"), Given.Vs("mid", parent: "top") with { Limits = Five }, Given.Vs("low", parent: "mid"), Given.Vs("beside", parent: "top"), Given.Vs("other"));
        Assert.Equal([false, true, true], plans.Select(plan => plan.CountsSockets));
        Assert.DoesNotContain(plans, plan => plan.CountsProcesses);
        Assert.Equal([0, plans[0].Counter, plans[1].Counter], plans.Select(plan => plan.Above));
        Assert.Equal([default, new LimitRecord(0, 5, 0, LimitKind.Errno, 24), default], plans.Select(plan => plan.Limit));
    }

    [Fact]
    public void Another_parent_is_another_counter_and_the_one_above_stays()
    {
        IdTable ids = new();
        CounterPlan[] before = Plan(ids, Given.Vs("p") with { Limits = Five }, Given.Vs("a", parent: "p")), after = Plan(ids, Given.Vs("p") with { Limits = Five }, Given.Vs("a") with { Limits = Five });
        Assert.Equal(before[0].Counter, after[0].Counter);
        Assert.NotEqual(before[1].Counter, after[1].Counter);
        Assert.Equal(0u, after[1].Above);
    }

    [Fact]
    public void An_audit_counts_and_else_each_does_what_it_says()
    {
        VirtualService blocks = Given.Vs("a") with { Limits = new MemberLimits(null, 5, LimitAction.Block, "") }, best = Given.Vs("b") with { Limits = new MemberLimits(null, 6, LimitAction.BestEffort, "") };
        Assert.Equal(new LimitRecord(0, 5, 0, LimitKind.Count, 0), Assert.Single(Given.Compile(Given.Rules([blocks]), new IdTable(), audit: true).Counters).Limit);
        Assert.Equal(new LimitRecord(0, 6, 0, LimitKind.BestEffort, 0), Assert.Single(Plan(best)).Limit);
        Assert.Equal(new LimitRecord(0, 5, 0, LimitKind.Block, 0), Assert.Single(Plan(blocks)).Limit);
    }

    [Fact]
    public void Processes_and_sockets_are_counted_where_there_is_a_limit_of_each()
    {
        CounterPlan[] plans = Plan(Given.Vs("p") with { Limits = new MemberLimits(3, null, LimitAction.BestEffort, "") }, Given.Vs("a", parent: "p") with { Limits = Five });
        Assert.Equal([(false, true), (true, true)], plans.Select(plan => (plan.CountsSockets, plan.CountsProcesses)));
        Assert.Equal(new LimitRecord(0, 0, 3, LimitKind.BestEffort, 0), plans[0].Limit);
    }

    [Fact]
    public void Each_errno_of_the_rule_language_has_its_number()
    {
        string documented = File.ReadLines(RuleDocs()).Single(line => line.StartsWith("`errno:NAME` takes ", StringComparison.Ordinal));
        Assert.Equal(documented["`errno:NAME` takes ".Length..].TrimEnd('.').Split(", ").Order(StringComparer.Ordinal), LimitPlan.Errnos.Keys.Order(StringComparer.Ordinal));
    }

    private static string RuleDocs([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../docs/rules.md"));

    private static CounterPlan[] Plan(params VirtualService[] all) => Plan(new IdTable(), all);

    private static CounterPlan[] Plan(IdTable ids, params VirtualService[] all) => [.. Given.Compile(Given.Rules(all), ids).Counters];
}
