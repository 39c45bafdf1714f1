using System.Globalization;
using VirtualServices.Enforce;
using VirtualServices.Model;

namespace VirtualServices.Kernel.Tests;

/// <summary>Services that are halted, frozen, traced, killed and started again, or that hand their connections to another process, while they are governed.</summary>
[Collection(Enforcement.Name)]
public sealed class DisturbedTests : ActorTests
{
    public static TheoryData<string> Means => [.. Standstill.Means];

    [RootTheory]
    [MemberData(nameof(Means))]
    public async Task A_server_that_stands_still_holds_nobody_up_and_is_bound_when_it_goes_on(string how)
    {
        Actor back = Add(Actor.Server("tcp4")), a = Add(Actor.Client(back)), b = Add(Actor.Client(back));
        using Standstill standstill = new(back.Pid, how);

        // Both are accepted before it stands still: one that holds a single connection would be bound for it at the start.
        a.Ask();
        b.Ask();
        standstill.Begin();
        using (Enforcer first = Start([("a", a), ("b", b)], [("back", back)], Gate("g", "back")))
        {
            Assert.Equal("/virtual-services/_takers", Groups.Of(back.Pid));
            Task asked = Task.Run(() => a.Ask(), TestContext.Current.CancellationToken);
            await Task.Delay(200, TestContext.Current.CancellationToken);
            Assert.False(asked.IsCompleted);
            standstill.End();
            await asked;
            Assert.Equal("a", Of(first, back));
            Wait.Until(() => Groups.Of(back.Pid) == Groups.Leaf("a"), "it is moved");

            // Asked while it stands still, and answered under the next enforcer.
            standstill.Begin();
            asked = Task.Run(() => b.Ask(), TestContext.Current.CancellationToken);
            await Task.Delay(200, TestContext.Current.CancellationToken);
            first.Dispose();
            using Enforcer second = Start([("a", a), ("b", b)], [("back", back)], Gate("g", "back"));
            Assert.Equal("a", Of(second, back));
            standstill.End();
            await asked;
            Assert.Equal("b", Of(second, back));
            Wait.Until(() => Groups.Of(back.Pid) == Groups.Leaf("b"), "it is moved");
            Assert.Equal((2, 2, 0), Counts(second));

            standstill.Begin();
            second.Stop();
        }

        Leftovers.AssertNone();
        Assert.Equal("/", Groups.Of(back.Pid));
        standstill.End();
        a.Ask();
    }

    [RootFact]
    public void A_traced_server_is_bound_as_any_other_and_its_tracer_may_die()
    {
        Actor back = Add(Actor.Server("tcp4")), a = Add(Actor.Client(back)), b = Add(Actor.Client(back));
        using System.Diagnostics.Process tracer = PostgresServer.Start(Compile("trace"), back.Pid.ToString(CultureInfo.InvariantCulture));
        Assert.Equal("tracing", tracer.StandardOutput.ReadLine());
        using Enforcer enforcer = Start([("a", a), ("b", b)], [("back", back)], Gate("g", "back"));
        Alternate(enforcer, back, a, b);
        Wait.Until(() => Groups.Of(back.Pid) == Groups.Leaf("b"), "it is moved");
        Assert.Contains($"TracerPid:\t{tracer.Id}\n", File.ReadAllText($"/proc/{back.Pid}/status"), StringComparison.Ordinal);
        tracer.Kill();
        tracer.WaitForExit();
        a.Ask();
        Assert.Equal("a", Of(enforcer, back));
    }

    [RootFact]
    public void A_service_that_is_killed_and_started_again_is_governed_from_its_first_request()
    {
        Actor back = Add(Actor.Server("tcp4")), a = Add(Actor.Client(back));
        RuleSet rules = Rules([("a", a)], [("back", back)], Gate("g", "back"));
        rules = rules with { Services = [new Service("back", [new Selector(SelectorKind.Listen, $"tcp/{back.Where}")])] };
        using Enforcer enforcer = Enforcer.Start(rules, new EnforceOptions(), TestContext.Current.CancellationToken);
        for (long i = 1; i <= 5; i++)
        {
            a.Ask();
            Assert.Equal("a", Of(enforcer, back));
            Wait.Until(() => Groups.Of(back.Pid) == Groups.Leaf("a"), "it is moved");
            Assert.Equal((i, i - 1, 0), Counts(enforcer)); // the first server held a's connection already
            back.Kill();
            back = Add(Actor.Successor(back));
            a.Reconnect();
        }
    }

    [RootFact]
    public void Who_gets_a_connection_from_another_process_works_for_who_asks_on_it()
    {
        Actor back = Add(Actor.Compiled(Compile("passer"))), early = Add(Actor.Client(back));
        int worker = int.Parse(File.ReadAllText($"/proc/{back.Pid}/task/{back.Pid}/children"), CultureInfo.InvariantCulture);
        using (Enforcer first = Start([("early", early)], [("back", back)], Gate("g", "back"))) Assert.Equal("early", Of(first, worker)); // it held that connection already
        Actor late = Add(Actor.Client(back));
        using Enforcer second = Start([("early", early), ("late", late)], [("back", back)], Gate("g", "back"));
        for (int i = 0; i < 10; i++)
        {
            if (i == 5) late.Reconnect();
            late.Ask();
            Assert.Equal("late", Of(second, worker));
            early.Ask();
            Assert.Equal("early", Of(second, worker));
        }

        Assert.Equal("bestEffort", Of(second, back)); // it only accepts
        Assert.Equal((20, 20, 0), Counts(second));
    }
}
