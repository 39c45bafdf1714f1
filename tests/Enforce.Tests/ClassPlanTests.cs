using CsCheck;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Network;
using VirtualServices.Linux.Tc;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Tests;

public sealed class ClassPlanTests
{
    private static readonly Gen<RateSplit.Claim> Claim = Gen.Select(Gen.Int[1, 10_000], Gen.Long[0, 1_000_000], Gen.Long[0, 10_000_000], (weight, assured, more) => new RateSplit.Claim(weight, assured, assured + more));

    /// <summary>Weights, what is assured, maxima, and what each gets of 100.</summary>
    public static TheoryData<int[], long[], long[], long[]> Splits => new()
    {
        { [1, 1], [0, 0], [1000, 1000], [50, 50] },
        { [1, 4], [0, 0], [1000, 1000], [20, 80] },
        { [1, 1, 2], [0, 0, 0], [10, 1000, 1000], [10, 30, 60] },
        { [1, 9], [40, 0], [1000, 1000], [40, 60] },
        { [1, 1], [0, 0], [10, 20], [10, 20] },
    };

    [Theory]
    [MemberData(nameof(Splits))]
    public void A_rate_is_split_by_weights_within_assured_and_maximum(int[] weights, long[] assured, long[] max, long[] expected)
    {
        long[] got = RateSplit.Split(100, [.. weights.Select((weight, i) => new RateSplit.Claim(weight, assured[i], max[i]))]);
        Assert.All(expected.Zip(got), pair => Assert.InRange(pair.Second, pair.First - 1, pair.First));
    }

    [Fact]
    public void A_split_keeps_what_is_assured_and_gives_no_more_than_there_is() =>
        Gen.Select(Claim.Array[1, 50], Gen.Long[0, 1_000_000_000]).Sample((claims, more) =>
        {
            long rate = claims.Sum(claim => claim.Assured) + more;
            long[] got = RateSplit.Split(rate, claims);
            Assert.True(got.Sum() <= rate);
            Assert.All(claims.Zip(got), pair => Assert.InRange(pair.Second, pair.First.Assured, pair.First.Max));
            Assert.True(got.Sum() >= Math.Min(rate, claims.Sum(claim => claim.Max)) - claims.Length - 1);
        });

    [Fact]
    public void A_parent_has_a_class_of_its_own_beside_its_children()
    {
        VirtualService parent = Given.Vs("p") with { Network = new NetworkShare(300, null, 50_000_000) }, child = Given.Vs("c", parent: "p"), best = Given.Vs(VirtualService.BestEffort);
        ClassPlan plan = ClassPlan.Make([(5, parent), (6, child), (IdTable.BestEffort, best)], 100_000_000);
        Assert.Equal(
            ["7653:ffff<7653:", "7653:5<7653:ffff", "7653:4005<7653:5", "7653:6<7653:5", "7653:1<7653:ffff"],
            plan.Classes.Select(one => $"{one.Handle}<{one.Parent}"));
        Assert.Equal([(1u, 1u), (5u, 0x4005u), (6u, 6u)], plan.Leaves.Select(leaf => (leaf.Key, leaf.Value.Minor)).Order());
        Assert.Equal([(1u, 0.5), (5u, 0.25), (6u, 0.25)], plan.Leaves.Select(leaf => (leaf.Key, Math.Round(leaf.Value.Millionths / 1e6, 5))).Order());
        HtbClass of(ushort minor) => plan.Classes.Single(one => one.Handle.Minor == minor);
        Assert.Equal((50_000_000, 50_000_000), (of(5).BitsPerSecond, of(5).CeilingBitsPerSecond));
        Assert.Equal(50_000_000, of(6).CeilingBitsPerSecond);
        Assert.InRange(of(6).BitsPerSecond, 24_999_999, 25_000_000);
        Assert.InRange(of(1).BitsPerSecond, 49_999_999, 50_000_000);
        Assert.Equal(((5u, true), (6u, false)), (ClassPlan.OwnerOf(of(0x4005).Handle), ClassPlan.OwnerOf(of(6).Handle)));
    }

    [Fact]
    public void Turns_are_as_short_as_the_least_tenants_may_be_and_best_effort_has_its_turn_last()
    {
        (uint, VirtualService)[] all = [(IdTable.BestEffort, Given.Vs(VirtualService.BestEffort) with { Network = new NetworkShare(10) }), (5, Given.Vs("a") with { Network = new NetworkShare(100) }), (6, Given.Vs("b") with { Network = new NetworkShare(400) })];
        ClassPlan plan = ClassPlan.Make(all, 100_000_000);
        Assert.Equal([(1, 65_536u, 1u), (5, 65_536u, 0u), (6, 262_144u, 0u)], plan.Classes.Where(one => one.Handle != ClassPlan.Device).Select(one => ((int)one.Handle.Minor, one.Quantum, one.Priority)).Order());
    }

    [Fact]
    public void What_children_are_assured_their_parent_gets()
    {
        VirtualService child = Given.Vs("c", parent: "p") with { Network = new NetworkShare(1, 80) };
        (uint, VirtualService)[] all = [(5, Given.Vs("p") with { Network = new NetworkShare(1) }), (6, child), (IdTable.BestEffort, Given.Vs(VirtualService.BestEffort))];
        Assert.Equal(80, ClassPlan.AssuredSum(all));
        Assert.Equal(80, ClassPlan.Make(all, 100).Classes.Single(one => one.Handle.Minor == 6).BitsPerSecond);
    }

    [Fact]
    public void A_thousand_classes_get_something_each()
    {
        (uint, VirtualService)[] all = [(IdTable.BestEffort, Given.Vs(VirtualService.BestEffort)), .. Enumerable.Range(2, 1000).Select(i => ((uint)i, Given.Vs($"v{i}") with { Network = new NetworkShare(i % 2 == 0 ? 10_000 : 1) }))];
        ClassPlan plan = ClassPlan.Make(all, 1_000_000);
        Assert.All(plan.Classes, one => Assert.True(one.BitsPerSecond >= 8 && one.CeilingBitsPerSecond >= one.BitsPerSecond && one.Quantum >= 65_536));
    }
}
