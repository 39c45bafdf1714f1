using CsCheck;
using VirtualServices.Enforce.Shares;

namespace VirtualServices.Enforce.Tests;

/// <summary>The feedback against a simulated scheduler that divides two CPUs by weight, as the kernel's does over a period.</summary>
public sealed class ShareFeedbackTests
{
    private const double Period = 0.05;
    private const double Cpus = 2;

    [Theory]
    [InlineData(100, 100)]
    [InlineData(100, 200)]
    [InlineData(100, 400)]
    [InlineData(10_000, 1)]
    public void Tenants_that_want_all_get_what_the_rules_say(int first, int second)
    {
        double[] used = Run([new(-1, first), new(-1, second)], [9, 9], 100).Used;
        Assert.Equal(Cpus * first / (first + second), used[0], Cpus * 0.02);
    }

    [Fact]
    public void A_tenant_below_its_share_is_preferred_and_the_other_is_not()
    {
        (double[] _, int[] weights) = Run([new(-1, 100), new(-1, 100)], [0.35, 9], 100);
        Assert.InRange(weights[0], 250, 300); // entitled to one CPU, uses 0.35
        Assert.Equal(100, weights[1]);
    }

    [Fact]
    public void A_surge_ends_its_preference()
    {
        ShareFeedback feedback = new([new(-1, 100), new(-1, 100)], Cpus);
        int[] weights = new int[2];
        for (int i = 0; i < 100; i++) feedback.Observe([0, 1], Period);
        feedback.Weights(weights);
        Assert.Equal(100 * ShareFeedback.MostFactor, weights[0]);
        double[] demand = [9, 9];
        double unfair = 0;
        for (int i = 0; i < 100; i++)
        {
            double[] given = Divide([-1, -1], weights, demand);
            unfair += Math.Max(0, given[0] - 1) * Period;
            feedback.Observe(given, Period);
            feedback.Weights(weights);
        }

        // All that a sleeper takes beyond its share at a surge, in CPU seconds.
        Assert.InRange(unfair, 0.01, 0.15);
        Assert.InRange(weights[0], 98, 102);
    }

    [Fact]
    public void Children_share_what_their_parent_may_use()
    {
        ShareNode[] nodes = [new(-1, 100), new(0, 100), new(0, 300), new(-1, 100)];
        (double[] used, int[] weights) = Run(nodes, [0, 9, 9, 9], 200);
        Assert.Equal(0.25, used[1], 0.02);
        Assert.Equal(0.75, used[2], 0.02);
        Assert.Equal(1.0, used[3], 0.02);
        Assert.Equal(weights[0], weights[3]);
    }

    [Fact]
    public void No_weight_leaves_the_kernels_range_and_none_that_takes_its_share_is_preferred() =>
        Gen.Select(Gen.Int[1, 10_000].Array[1, 6], Gen.Double[0, 3].Array[6, 6], Gen.Int[1, 200]).Sample((weights, demand, rounds) =>
        {
            ShareNode[] nodes = [.. weights.Select(weight => new ShareNode(-1, weight))];
            ShareFeedback feedback = new(nodes, Cpus);
            int[] written = [.. weights];
            int[] parents = [.. nodes.Select(node => node.Parent)];
            for (int i = 0; i < rounds; i++)
            {
                feedback.Observe(Divide(parents, written, demand[..nodes.Length]), Period);
                feedback.Weights(written);
                Assert.All(written, weight => Assert.InRange(weight, 1, 10_000));
            }

            // Weights are whole numbers: small ones say little about the scale.
            const int LargeEnough = 20;
            double scale = written.Zip(weights).Where(pair => pair.First > LargeEnough).Select(pair => (double)pair.First / pair.Second).DefaultIfEmpty(1).Min();
            for (int i = 0; i < nodes.Length; i++)
                if (feedback.Used(i) >= feedback.Entitled(i) && written[i] > LargeEnough) Assert.Equal(weights[i] * scale, written[i], Math.Max(1.0, written[i] * 0.05));
        });

    private static (double[] Used, int[] Weights) Run(ShareNode[] nodes, double[] demand, int rounds)
    {
        ShareFeedback feedback = new(nodes, Cpus);
        int[] weights = [.. nodes.Select(node => node.Weight)];
        int[] parents = [.. nodes.Select(node => node.Parent)];
        for (int i = 0; i < rounds; i++)
        {
            feedback.Observe(Divide(parents, weights, demand), Period);
            feedback.Weights(weights);
        }

        return ([.. nodes.Select((_, i) => feedback.Used(i))], weights);
    }

    // Divides by weight among those that still want, level by level; what one leaves goes to the others.
    private static double[] Divide(int[] parents, int[] weights, double[] demand)
    {
        double[] given = new double[demand.Length];
        Share(-1, Cpus);
        return given;

        double Wanted(int node) => demand[node] + Enumerable.Range(0, parents.Length).Where(i => parents[i] == node).Sum(Wanted);

        void Share(int parent, double rest)
        {
            List<int> open = [.. Enumerable.Range(0, parents.Length).Where(i => parents[i] == parent)];
            while (open.Count > 0)
            {
                double sum = open.Sum(i => weights[i]);
                List<int> content = [.. open.Where(i => Wanted(i) <= rest * weights[i] / sum)];
                if (content.Count == 0) content = open;
                double taken = 0;
                foreach (int i in content)
                {
                    double gets = Math.Min(Wanted(i), rest * weights[i] / sum);
                    taken += gets;
                    given[i] = Math.Min(gets, demand[i]);
                    Share(i, gets - given[i]);
                }

                rest -= taken;
                open = [.. open.Except(content)];
            }
        }
    }
}
