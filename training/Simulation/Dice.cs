namespace VirtualServices.Training.Simulation;

/// <summary>Random numbers of one scenario: the same seed gives the same ones.</summary>
internal sealed class Dice(int seed)
{
    private readonly Random _random = new(seed);

    /// <summary>0 up to, not including, 1.</summary>
    public double Part() => _random.NextDouble();

    public bool Chance(double probability) => _random.NextDouble() < probability;

    /// <summary>Both ends included.</summary>
    public int Whole(int least, int most) => _random.Next(least, most + 1);

    public double Between(double least, double most) => least + (most - least) * _random.NextDouble();

    /// <summary>Every octave equally likely.</summary>
    public double Octaves(double least, double most) => least * Math.Pow(most / least, _random.NextDouble());

    public double Exponential(double mean) => -mean * Math.Log(1 - _random.NextDouble());

    public double Normal() => Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble());

    public T Pick<T>(params ReadOnlySpan<T> items) => items[_random.Next(items.Length)];
}
