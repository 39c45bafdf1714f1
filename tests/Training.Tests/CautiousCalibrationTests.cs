using CsCheck;
using VirtualServices.Training.Learning;

namespace VirtualServices.Training.Tests;

public sealed class CautiousCalibrationTests
{
    /// <summary>Scenarios whose links are right or wrong together: how often, varies from scenario to scenario.</summary>
    private static List<(int Scenario, double Score, bool Right, double Weight)> Links(int seed, int scenarios, double spread)
    {
        var random = new Random(seed);
        List<(int, double, bool, double)> links = [];
        for (int scenario = 0; scenario < scenarios; scenario++)
        {
            double shift = spread * (random.NextDouble() * 2 - 1);
            for (int i = 0; i < 500; i++)
            {
                double score = random.NextDouble() * 8 - 4;
                links.Add((scenario, score, random.NextDouble() < 1 / (1 + Math.Exp(-score - shift)), 1));
            }
        }

        return links;
    }

    private static List<(double Score, double Probability)> Plain(List<(int Scenario, double Score, bool Right, double Weight)> links) =>
        Calibration.Fit(links.Select(link => (link.Score, link.Right, link.Weight)));

    [Fact]
    public void It_rises_and_never_says_more_than_the_plain_curve() =>
        Gen.Select(Gen.Int[1, 1_000_000], Gen.Int[1, 12], Gen.Double[0, 4]).Sample(
            (seed, scenarios, spread) =>
            {
                List<(int Scenario, double Score, bool Right, double Weight)> links = Links(seed, scenarios, spread);
                List<(double Score, double Probability)> plain = Plain(links), cautious = CautiousCalibration.Fit(links);
                Assert.Equal(plain.Select(point => point.Score), cautious.Select(point => point.Score));
                for (int i = 0; i < plain.Count; i++) Assert.InRange(cautious[i].Probability, i == 0 ? 0 : cautious[i - 1].Probability, plain[i].Probability);
            },
            iter: 12);

    [Fact]
    public void Few_scenarios_that_differ_make_it_say_less()
    {
        double few = Doubt(8, 3), many = Doubt(64, 3), alike = Doubt(8, 0);
        Assert.True(many < 0.8 * few && alike < 0.5 * few, $"below the plain curve: {few} with few scenarios, {many} with many, {alike} with few that are alike");

        // Mean distance from the plain curve; nearly all of it lies below.
        static double Doubt(int scenarios, double spread) => Enumerable.Range(1, 3).Average(seed =>
        {
            List<(int Scenario, double Score, bool Right, double Weight)> links = Links(seed, scenarios, spread);
            return CautiousCalibration.Fit(links).Zip(Plain(links)).Average(both => both.Second.Probability - both.First.Probability);
        });
    }

    [Fact]
    public void It_does_not_depend_on_the_order_of_the_links()
    {
        // Many of equal score and other weights: sums that are taken in another order differ in their last bits.
        List<(int Scenario, double Score, bool Right, double Weight)> links = [.. Links(1, 6, 2).Select((link, i) => link with { Score = Math.Round(link.Score, 1), Weight = 1.0 / (1 + i % 7) })];
        List<(double Score, double Probability)> forwards = CautiousCalibration.Fit(links), backwards = CautiousCalibration.Fit([.. Enumerable.Reverse(links)]);
        Assert.Equal(forwards, backwards);
    }
}
