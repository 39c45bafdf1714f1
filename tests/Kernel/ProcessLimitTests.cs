using System.Diagnostics;
using System.Globalization;
using VirtualServices.Enforce;
using VirtualServices.Model;

namespace VirtualServices.Kernel.Tests;

/// <summary>Limits of processes: what is counted, what happens beyond the limit, and that nothing is lost or counted twice.</summary>
[Collection(Enforcement.Name)]
public sealed class ProcessLimitTests : ActorTests
{
    [RootFact]
    public void Beyond_the_limit_children_are_best_efforts_for_good_and_with_room_they_are_not()
    {
        using TestGroup group = new();
        using Forker forker = new();
        group.Add(forker.Pid);
        using Enforcer enforcer = Start(Vs("a", Limit(2)) with { FrontDoors = [new Selector(SelectorKind.Cgroup, group.Path)] });
        forker.Exec(2); // an exec asks the rules again
        Assert.Equal(["a", "bestEffort"], forker.Children.Select(child => Of(enforcer, child)));
        Assert.Equal(new LimitUse("a", "processes", 2, 2, 1, "best-effort"), Assert.Single(enforcer.Status().Limits));
        Wait.Until(() => forker.Children.Select(Groups.Of).SequenceEqual([Groups.Leaf("a"), Groups.Leaf(VirtualService.BestEffort)]), "each is in the cgroup of whom it works for");
        Wait.Until(() => enforcer.Status().Mover.Moved == 1, "the one that is too many was moved by itself, without a comparison of all tasks");
        forker.End(1);
        forker.Fork(1);
        Assert.Equal(["bestEffort", "a"], forker.Children.Select(child => Of(enforcer, child)));
        Assert.Equal((2L, 1L), UseOf(enforcer, "a"));
        enforcer.Dispose();
        EnforcementStop.Run(null);
        Assert.All(forker.Children, child => Assert.Equal(group.Path, Groups.Of(child)));
    }

    [RootFact]
    public void Two_thousand_forks_and_a_killed_family_end_at_what_lives()
    {
        using Forker one = new(), two = new();
        using Enforcer enforcer = Start(Vs("a", Limit(50), one.Pid), Vs("b", null, two.Pid) with { Parent = "a" });
        Parallel.Invoke(() => one.Churn(1_000), () => two.Churn(1_000));
        Assert.Equal((2L, 0L), UseOf(enforcer, "a"));
        one.Exec(20);
        Assert.Equal((22L, 0L), UseOf(enforcer, "a"));
        foreach (int child in one.Children) Forker.Signal(child, "KILL");
        Wait.Until(() => UseOf(enforcer, "a") == (2, 0), "killed processes are given back, reaped or not");
    }

    [RootFact]
    public void Processes_that_are_older_than_the_limit_are_counted_and_without_the_enforcer_it_holds()
    {
        using Forker forker = new();
        forker.Fork(3);
        using (Enforcer first = Start(Vs("a", Limit(2), forker.Pid))) Assert.Equal((4L, 0L), UseOf(first, "a"));
        forker.Fork(1);
        forker.End(2);
        using Enforcer second = Start(Vs("a", Limit(2), forker.Pid));
        Assert.True(second.TookOver);
        Assert.Equal((2L, 1L), UseOf(second, "a"));
        Assert.Equal(["a", "bestEffort"], forker.Children.Select(child => Of(second, child)));
    }

    [RootFact]
    public void Rules_that_begin_to_count_processes_and_cease_to_leave_nothing_behind()
    {
        using Forker forker = new();
        using (Start(Vs("a", null, forker.Pid))) forker.Fork(2);
        using (Enforcer counts = Start(Vs("a", Limit(9), forker.Pid))) Assert.Equal((3L, 0L), UseOf(counts, "a"));
        using (Start(Vs("a", null, forker.Pid)))
        {
            forker.End(1);
            forker.Fork(3);
        }

        using Enforcer again = Start(Vs("a", Limit(9), forker.Pid));
        Assert.Equal((5L, 0L), UseOf(again, "a"));
    }

    [RootFact]
    public void The_limit_of_a_parent_bounds_the_sum_of_its_children()
    {
        using Forker a = new(), b = new();
        using Enforcer enforcer = Start(TestRules.Tenant("p") with { Limits = Limit(4) }, Vs("a", Limit(3), a.Pid) with { Parent = "p" }, Vs("b", null, b.Pid) with { Parent = "p" });
        a.Fork(3);
        b.Fork(1);
        Assert.Equal([(4L, 1L), (3L, 1L)], [UseOf(enforcer, "p"), UseOf(enforcer, "a")]);
        Assert.Equal(["a", "a", "bestEffort", "bestEffort"], a.Children.Concat(b.Children).Select(child => Of(enforcer, child)));
        a.End(2);
        b.Fork(3);
        Assert.Equal([(4L, 2L), (1L, 1L)], [UseOf(enforcer, "p"), UseOf(enforcer, "a")]);
    }

    [RootFact]
    public void An_audit_counts_and_does_nothing()
    {
        using Forker forker = new();
        using Enforcer enforcer = Start(audit: true, Vs("a", new MemberLimits(1, null, LimitAction.Errno, "EAGAIN"), forker.Pid));
        forker.Fork(3);
        Assert.All(forker.Children, child => Assert.Equal("a", Of(enforcer, child)));
        Assert.Equal(new LimitUse("a", "processes", 4, 1, 3, "count"), Assert.Single(enforcer.Status().Limits));
    }

    [RootFact]
    public void A_process_counts_once_until_its_last_thread_ends_however_it_was_made()
    {
        using Process program = PostgresServer.Start(Compile("processes"));
        using Enforcer enforcer = Start(Vs("a", Limit(9), program.Id));
        foreach ((string told, long used) in (ReadOnlySpan<(string, long)>)[("thread", 1), ("vfork", 2), ("sibling", 3), ("leader", 4), ("exec", 5)])
        {
            program.StandardInput.WriteLine(told);
            program.StandardInput.Flush();
            Assert.Equal(told, program.StandardOutput.ReadLine());
            Assert.Equal((used, 0L), UseOf(enforcer, "a"));
        }

        program.StandardInput.Close(); // ends all of them
        program.WaitForExit();
        Wait.Until(() => UseOf(enforcer, "a") == (0, 0), "all are given back");
    }

    [RootFact]
    public void A_process_of_a_shared_service_counts_for_whom_it_works_and_beyond_the_limit_works_for_best_effort()
    {
        Actor back = Add(Actor.Server("tcp4")), a = Add(Actor.Client(back)), b = Add(Actor.Client(back));
        RuleSet rules = Rules([], [("back", back)], Gate("g", "back"));
        rules = rules with { VirtualServices = [Vs("a", Limit(1), a.Pid), Vs("b", Limit(9), b.Pid), .. rules.VirtualServices] };
        using Enforcer enforcer = Enforcer.Start(rules, new EnforceOptions(), TestContext.Current.CancellationToken);
        Assert.Equal([(1L, 0L), (1L, 0L)], [UseOf(enforcer, "a"), UseOf(enforcer, "b")]);
        b.Ask();
        Assert.Equal([(1L, 0L), (2L, 0L)], [UseOf(enforcer, "a"), UseOf(enforcer, "b")]);
        a.Ask();
        Assert.Equal([(1L, 1L), (1L, 0L)], [UseOf(enforcer, "a"), UseOf(enforcer, "b")]);
        Assert.Equal(VirtualService.BestEffort, Of(enforcer, back));
        long bound = Counts(enforcer).Rebinds;
        a.Ask(); // met again, and nothing is bound anew
        Assert.Equal(((1L, 2L), bound), (UseOf(enforcer, "a"), Counts(enforcer).Rebinds));
        b.Ask();
        Assert.Equal("b", Of(enforcer, back));
        Assert.Equal([(1L, 2L), (2L, 0L)], [UseOf(enforcer, "a"), UseOf(enforcer, "b")]);
    }

    [RootFact]
    public void Between_two_children_of_a_full_parent_a_process_may_change()
    {
        Actor back = Add(Actor.Server("tcp4")), a = Add(Actor.Client(back)), b = Add(Actor.Client(back));
        RuleSet rules = Rules([], [("back", back)], Gate("g", "back"));
        rules = rules with { VirtualServices = [TestRules.Tenant("p") with { Limits = Limit(3) }, Vs("a", null, a.Pid) with { Parent = "p" }, Vs("b", null, b.Pid) with { Parent = "p" }, .. rules.VirtualServices] };
        using Enforcer enforcer = Enforcer.Start(rules, new EnforceOptions(), TestContext.Current.CancellationToken);
        a.Ask();
        Assert.Equal((3L, 0L), UseOf(enforcer, "p"));
        b.Ask();
        Assert.Equal("b", Of(enforcer, back));
        Assert.Equal((3L, 0L), UseOf(enforcer, "p"));
    }

    [RootFact]
    public void A_process_that_has_ended_does_not_count_where_it_is_put_into_the_cgroup_of_a_front_door()
    {
        using TestGroup group = new();
        using Forker forker = new();
        forker.Leave(1);
        int ended = Assert.Single(forker.Children);
        Wait.Until(() => File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{ended}/stat")).Contains(") Z ", StringComparison.Ordinal), "the child has ended");
        using Enforcer enforcer = Start(Vs("a", Limit(9)) with { FrontDoors = [new Selector(SelectorKind.Cgroup, group.Path)] });
        group.Add(ended);
        group.Add(forker.Pid);
        Assert.Equal((1L, 0L), UseOf(enforcer, "a"));
    }

    [RootFact]
    public void Who_was_beyond_a_limit_is_what_the_rules_say_where_they_limit_it_no_longer()
    {
        using Forker forker = new();
        using (Enforcer first = Start(Vs("a", Limit(1), forker.Pid), Vs("b", Limit(9))))
        {
            forker.Fork(1);
            Assert.Equal("bestEffort", Of(first, Assert.Single(forker.Children)));
        }

        using Enforcer second = Start(Vs("a", null, forker.Pid), Vs("b", Limit(9)));
        Assert.True(second.TookOver);
        Assert.Equal("a", Of(second, Assert.Single(forker.Children)));
    }

    [RootFact]
    public void Who_was_beyond_the_limit_of_whom_it_was_assigned_to_is_what_the_rules_say_when_it_is_given_back()
    {
        using Forker forker = new();
        using Enforcer enforcer = Start(Vs("a", Limit(9), forker.Pid), Vs("b", Limit(1)));
        ExplicitMembership.Assign("b", [forker.Pid]);
        Wait.Until(() => UseOf(enforcer, "b").Used == 1, "the look every 5 s counts it");
        forker.Fork(1);
        int child = Assert.Single(forker.Children);
        Assert.Equal(("bestEffort", (1L, 1L)), (Of(enforcer, child), UseOf(enforcer, "b")));
        ExplicitMembership.Release([forker.Pid]);
        Assert.Equal(["a", "a"], [Of(enforcer, forker.Pid), Of(enforcer, child)]);
        Wait.Until(() => UseOf(enforcer, "a").Used == 2 && UseOf(enforcer, "b").Used == 0, "they count for a again");
    }

    private static MemberLimits Limit(int processes) => new(processes, null, LimitAction.BestEffort, "");

    private static VirtualService Vs(string name, MemberLimits? limits, params int[] frontDoors) =>
        TestRules.Tenant(name, [.. frontDoors.Select(pid => new Selector(SelectorKind.Pid, pid.ToString(CultureInfo.InvariantCulture)))]) with { Limits = limits };

    private static (long Used, long Hits) UseOf(Enforcer enforcer, string vs)
    {
        LimitUse use = enforcer.Status().Limits.Single(limit => limit.VirtualService == vs);
        return (use.Used, use.Hits);
    }

    private static Enforcer Start(params VirtualService[] tenants) => Start(audit: false, tenants);

    private static Enforcer Start(bool audit, params VirtualService[] tenants) =>
        Enforcer.Start(new RuleSet([.. tenants, TestRules.Tenant(VirtualService.BestEffort)], [], []), new EnforceOptions(audit), TestContext.Current.CancellationToken);
}
