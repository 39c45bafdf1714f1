namespace VirtualServices.Training.Learning;

/// <summary>Isotonic regression: the rising curve from scores to probabilities that fits best, by pooling neighbours that do not rise.</summary>
internal static class Calibration
{
    /// <summary>A point of the curve stands for at least this many links: fewer say nothing about one in a hundred.</summary>
    private const int Least = 200;

    /// <summary>Points of the curve, in the order of scores.</summary>
    /// <param name="links">Scores, whether they were right, and how much each counts.</param>
    public static List<(double Score, double Probability)> Fit(IEnumerable<(double Score, bool Right, double Weight)> links)
    {
        List<Pool> pools = [];
        foreach ((double score, bool right, double weight) in links.OrderBy(link => link.Score).ThenBy(link => link.Right).ThenBy(link => link.Weight)) // equal ones: whatever order they came in
        {
            var pool = new Pool(score * weight, right ? weight : 0, weight, 1);
            if (pools.Count > 0 && (pools[^1].Count < Least || pools[^1].LastScore == score)) pools[^1] = pools[^1].With(pool) with { LastScore = score };
            else pools.Add(pool with { LastScore = score });
            if (pools[^1].Count < Least) continue;
            while (pools.Count > 1 && pools[^2].Probability >= pools[^1].Probability)
            {
                pools[^2] = pools[^2].With(pools[^1]);
                pools.RemoveAt(pools.Count - 1);
            }
        }

        while (pools.Count > 1 && (pools[^1].Count < Least || pools[^2].Probability >= pools[^1].Probability))
        {
            pools[^2] = pools[^2].With(pools[^1]);
            pools.RemoveAt(pools.Count - 1);
        }

        return [.. pools.Select(pool => (pool.Score / pool.Weight, pool.Probability))];
    }

    /// <summary>Probability of a score: between the points of the curve, a straight line.</summary>
    public static double At(List<(double Score, double Probability)> curve, double score)
    {
        int after = curve.FindIndex(point => point.Score >= score);
        if (after < 0) return curve[^1].Probability;
        if (after == 0) return curve[0].Probability;
        double part = (score - curve[after - 1].Score) / (curve[after].Score - curve[after - 1].Score);
        return curve[after - 1].Probability + part * (curve[after].Probability - curve[after - 1].Probability);
    }

    private readonly record struct Pool(double Score, double Right, double Weight, int Count)
    {
        public double LastScore { get; init; }

        /// <summary>By Laplace's rule: what never went wrong in n cases may do so once in about n.</summary>
        public double Probability => (Right * Count / Weight + 1) / (Count + 2);

        public Pool With(Pool next) => new(Score + next.Score, Right + next.Right, Weight + next.Weight, Count + next.Count) { LastScore = next.LastScore };
    }
}
