using System.Globalization;
using VirtualServices.Training.Learning;

namespace VirtualServices.Training.Scoring;

/// <summary>What became of a set of calls.</summary>
/// <param name="least">Least confidence that is told.</param>
internal sealed class Score(double least)
{
    private readonly HashSet<(int, int)> _traces = [], _wrong = [];
    private long _calls, _caused, _given, _right, _likeliest, _sure, _sureRight;

    public Reliability Reliability { get; } = new();

    /// <summary>Harmonic mean of recall and precision; null where there is no link to find.</summary>
    public double? F1 => _caused == 0 ? null : 2.0 * _right / (_caused + _given);

    public void Add(in Example example)
    {
        bool told = example.Given && example.Confidence >= least, right = told && example.Right;
        _calls++;
        if (example.Caused) _caused++;
        if (told) _given++;
        if (right) _right++;
        if (example.Right) _likeliest++;
        if (example.Given) Reliability.Add(example.Confidence, example.Right);
        if (told && example.Confidence >= 0.9)
        {
            _sure++;
            if (right) _sureRight++;
        }

        if (example.Trace < 0) return;
        _traces.Add((example.Seed, example.Trace));
        if (!right) _wrong.Add((example.Seed, example.Trace));
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"calls {_calls} likeliest right {Part(_likeliest, _caused)} recall {Part(_right, _caused)} precision {Part(_right, _given)} F1 {F1 ?? 0:0.0000} e2e {Part(_traces.Count - _wrong.Count, _traces.Count)} | >=0.9: coverage {Part(_sure, _calls)} right {Part(_sureRight, _sure)} | calibration error {Reliability.Error():0.0000}");

    private static string Part(long part, long whole) => ((double)part / Math.Max(whole, 1)).ToString("0.0000", CultureInfo.InvariantCulture);
}
