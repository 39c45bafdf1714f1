namespace VirtualServices.Training.Learning;

/// <summary>
/// A curve from scores to probabilities that other scenarios would hardly lower. Links of one scenario are right or wrong together, so a curve from a million links of two hundred scenarios is as
/// uncertain as two hundred cases: it is fitted again to scenarios drawn with replacement, and what nine tenths of these curves exceed is told, but
/// never more than the plain curve: a wrong link is worse than none.
/// </summary>
internal static class CautiousCalibration
{
    private const int Draws = 20, Below = Draws / 10;

    /// <summary>Points of the curve, in the order of scores.</summary>
    /// <param name="links">The scenario, the score, whether it was right, and how much it counts.</param>
    public static List<(double Score, double Probability)> Fit(IReadOnlyList<(int Scenario, double Score, bool Right, double Weight)> links)
    {
        (double Score, bool Right, double Weight)[][] scenarios = [.. links.GroupBy(link => link.Scenario).OrderBy(group => group.Key).Select(group => group.Select(link => (link.Score, link.Right, link.Weight)).ToArray())];
        List<(double Score, double Probability)> curve = Calibration.Fit(scenarios.SelectMany(links => links));
        var random = new Random(1);
        List<(double Score, double Probability)>[] drawn = new List<(double, double)>[Draws];
        for (int i = 0; i < Draws; i++)
        {
            int[] chosen = [.. scenarios.Select(_ => random.Next(scenarios.Length))];
            drawn[i] = Calibration.Fit(chosen.SelectMany(scenario => scenarios[scenario]));
        }

        return [.. curve.Select(point => (point.Score, Math.Min(point.Probability, drawn.Select(other => Calibration.At(other, point.Score)).Order().ElementAt(Below))))];
    }
}
