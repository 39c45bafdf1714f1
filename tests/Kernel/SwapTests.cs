using VirtualServices.Enforce;
using VirtualServices.Model;

namespace VirtualServices.Kernel.Tests;

/// <summary>The rule set is exchanged while requests come in.</summary>
[Collection(Enforcement.Name)]
public sealed class SwapTests : ActorTests
{
    [RootFact]
    public async Task Each_request_passes_the_gate_of_one_rule_set_or_of_the_other()
    {
        const int Swaps = 20;
        Actor back = Add(Actor.Server("tcp4")), a = Add(Actor.Client(back)), b = Add(Actor.Client(back));
        RuleSet even = Rules([("a", a), ("b", b)], [("back", back)], Gate("even", "back"));
        RuleSet odd = Rules([("b", b), ("a", a)], [("back", back)], Gate("odd", "back", classify: new(ClassificationKind.Named, "fixed")));
        odd = odd with { VirtualServices = [TestRules.Tenant("fixed"), .. odd.VirtualServices] };
        Enforcer enforcer = Enforcer.Start(even, new EnforceOptions(), TestContext.Current.CancellationToken);
        bool stop = false;
        long asked = 0;
        Task load = Task.Run(
            () =>
            {
                while (!Volatile.Read(ref stop))
                {
                    a.Ask(25);
                    b.Ask(25);
                    asked += 50;
                }
            },
            TestContext.Current.CancellationToken);
        for (int i = 1; i <= Swaps; i++)
        {
            enforcer.Dispose();
            enforcer = Enforcer.Start(i % 2 == 0 ? even : odd, new EnforceOptions(), TestContext.Current.CancellationToken);
            Assert.True(enforcer.TookOver);
        }

        Volatile.Write(ref stop, true);
        await load;
        using (enforcer)
        {
            EnforcementStatus status = enforcer.Status();
            Assert.All(status.Gates, gate => Assert.True(gate.Hits > 0, $"{gate}"));
            Assert.Equal((asked, 0), (Counts(enforcer).Hits, Counts(enforcer).Unknown));
            Assert.Equal([asked / 2, asked / 2], status.Use.Where(use => use.Service == "back" && use.VirtualService is "a" or "b").Select(use => use.Counts.Requests));
            Assert.Equal(0, status.Use.Sum(use => use.Counts.UnknownRequests));
            Assert.Equal(Swaps + 1, (int)status.Generation);
        }
    }
}
