using System.Globalization;

namespace VirtualServices.Training.Scoring;

/// <summary>How often links of a given confidence are right.</summary>
internal sealed class Reliability
{
    private static readonly double[] Bounds = [0, 0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 1.0001];
    private readonly double[] _links = new double[Bounds.Length - 1], _right = new double[Bounds.Length - 1], _said = new double[Bounds.Length - 1];

    public void Add(double confidence, bool right)
    {
        int bin = 0;
        while (confidence >= Bounds[bin + 1]) bin++;
        _links[bin]++;
        _said[bin] += confidence;
        _right[bin] += right ? 1 : 0;
    }

    /// <summary>Mean distance between what was said and what was right, weighed by links.</summary>
    public double Error()
    {
        double sum = 0;
        for (int i = 0; i < _links.Length; i++) sum += Math.Abs(_said[i] - _right[i]);
        return sum / Math.Max(_links.Sum(), 1);
    }

    public void Write(TextWriter output)
    {
        output.WriteLine("| confidence | links | said | right |\n|---|---|---|---|");
        for (int i = 0; i < _links.Length; i++)
        {
            if (_links[i] == 0) continue;
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {Bounds[i]:0.###} to {Math.Min(Bounds[i + 1], 1):0.###} | {_links[i]:0} | {_said[i] / _links[i]:0.0000} | {_right[i] / _links[i]:0.0000} |"));
        }
    }
}
