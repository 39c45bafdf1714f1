using CsCheck;
using VirtualServices.Enforce.Watching;

namespace VirtualServices.Enforce.Tests;

public sealed class EntitlementTests
{
    [Fact]
    public void Those_that_are_active_share_by_weight()
    {
        Expect(6, [new("a", "", 100, null, true), new("b", "", 200, null, true), new("idle", "", 1000, null, false)], ("a", 2), ("b", 4), ("idle", 0));
        Expect(2, [new("a", "", 1, null, true), new("idle", "", 10_000, null, false)], ("a", 2));
        Expect(2, [new("a", "", 100, null, false)], ("a", 0));
    }

    [Fact]
    public void A_child_shares_what_its_parent_has()
    {
        // The parent itself is idle: only one of its children counts against b.
        Expect(8, [new("p", "", 300, null, false), new("p1", "p", 1, null, true), new("p2", "p", 3, null, true), new("b", "", 100, null, true)], ("p", 6), ("p1", 1.5), ("p2", 4.5), ("b", 2));

        // Processes of the parent itself weigh 100 against its children.
        Expect(8, [new("p", "", 100, null, true), new("c", "p", 300, null, true)], ("p", 8), ("c", 6));

        // A parent is active where anything below it is.
        Expect(8, [new("p", "", 100, null, false), new("q", "p", 50, null, false), new("r", "q", 7, null, true), new("b", "", 100, null, true)], ("p", 4), ("q", 4), ("r", 4), ("b", 4));
    }

    [Fact]
    public void What_a_maximum_keeps_back_goes_to_the_siblings()
    {
        Expect(4, [new("a", "", 100, 0.5, true), new("b", "", 100, null, true), new("c", "", 300, null, true)], ("a", 0.5), ("b", 0.875), ("c", 2.625));
        Expect(4, [new("a", "", 100, 1, true), new("b", "", 100, 2, true)], ("a", 1), ("b", 2));

        // The first limit that is met makes the second one met, too.
        Expect(4, [new("a", "", 100, 0.4, true), new("b", "", 100, 1.5, true), new("c", "", 100, null, true)], ("a", 0.4), ("b", 1.5), ("c", 2.1));

        // Children that may not use what their parent could have leave it to the parent's siblings; with processes of its own they do not.
        Expect(4, [new("p", "", 300, 3, false), new("c", "p", 100, 1, true), new("b", "", 100, null, true)], ("p", 1), ("c", 1), ("b", 3));
        Expect(4, [new("p", "", 300, 3, true), new("c", "p", 100, 1, true), new("b", "", 100, null, true)], ("p", 3), ("c", 1), ("b", 1));
    }

    [Fact]
    public void A_parent_that_nobody_has_is_the_top() => Expect(2, [new("a", "gone", 100, null, true), new("b", "", 100, null, true)], ("a", 1), ("b", 1));

    private static readonly Gen<Claim[]> Trees =
        Gen.Select(Gen.Int[-1, 8], Gen.Int[1, 10_000], Gen.Select(Gen.Bool, Gen.Double[0.01, 5], (has, max) => has ? (double?)max : null), Gen.Bool).Array[1, 10]
            .Select(all => all.Select((one, i) => new Claim($"vs{i}", one.Item1 >= 0 && one.Item1 < i ? $"vs{one.Item1}" : "", one.Item2, one.Item3, one.Item4)).ToArray());

    [Fact]
    public void Nothing_is_given_twice_and_nothing_is_left_that_somebody_may_take() => Gen.Select(Trees, Gen.Double[0, 64]).Sample((claims, capacity) =>
    {
        const double Small = 1e-6;
        IReadOnlyDictionary<string, double> shares = Entitlement.Of(claims, capacity);
        foreach (Claim claim in claims)
        {
            Claim[] children = [.. claims.Where(child => child.Parent == claim.Name)];
            double share = shares[claim.Name], below = children.Sum(child => shares[child.Name]);
            Assert.InRange(share, 0, (claim.Max ?? capacity) + Small);
            Assert.True(below <= share + Small, "children share what their parent has");
            if (!Active(claim)) Assert.Equal(0, share);
            else if (capacity > Small) Assert.True(share > 0, "who is active gets something");
            if (!claim.Active) Assert.Equal(share, below, Small);
        }

        double all = claims.Where(claim => claim.Parent.Length == 0).Sum(claim => shares[claim.Name]), most = claims.Where(claim => claim.Parent.Length == 0).Sum(Most);
        Assert.Equal(Math.Min(capacity, most), all, Small);

        bool Active(Claim claim) => claim.Active || claims.Any(child => child.Parent == claim.Name && Active(child));

        double Most(Claim claim) => Math.Min(claim.Max ?? double.MaxValue, (claim.Active ? double.MaxValue / 1e3 : 0) + claims.Where(child => child.Parent == claim.Name).Sum(Most));
    });

    [Fact]
    public void The_order_of_claims_does_not_matter() => Trees.Sample(claims =>
    {
        IReadOnlyDictionary<string, double> one = Entitlement.Of(claims, 4), other = Entitlement.Of([.. claims.Reverse()], 4);
        foreach (Claim claim in claims) Assert.Equal(one[claim.Name], other[claim.Name], 1e-9);
    });

    private static void Expect(double capacity, Claim[] claims, params (string Name, double Share)[] expected)
    {
        IReadOnlyDictionary<string, double> shares = Entitlement.Of(claims, capacity);
        foreach ((string name, double share) in expected) Assert.Equal(share, shares[name], 1e-9);
    }
}
