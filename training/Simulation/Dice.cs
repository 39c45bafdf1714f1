namespace VirtualServices.Training.Simulation;

/// <summary>What is drawn for. Each part of a scenario has numbers of its own, so that a change of one, or one more draw in it, leaves the others as they are.</summary>
internal enum DicePart
{
    /// <summary>The scenario itself.</summary>
    Plan,

    /// <summary>When requests come from outside, and what for.</summary>
    Arrivals,

    /// <summary>What happens at a service.</summary>
    Service,

    /// <summary>Which events are lost.</summary>
    Losses,

    /// <summary>The order of events of one time.</summary>
    Ties,

    /// <summary>Whether a trace is recorded.</summary>
    Sampling,
}

/// <summary>Random numbers of one part of a scenario: the same seed gives the same ones.</summary>
/// <param name="seed">Seed of the scenario.</param>
/// <param name="part">What for.</param>
/// <param name="number">Which of several parts of that kind.</param>
internal sealed class Dice(int seed, DicePart part, int number = 0)
{
    private readonly Random _random = new(SeedOf(seed, part, number));

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

    /// <summary>Seeds that are near each other give numbers that have nothing in common (SplitMix64).</summary>
    private static int SeedOf(int seed, DicePart part, int number)
    {
        ulong x = ((ulong)(uint)seed << 32) ^ (uint)number;
        for (int i = 0; i < 2; i++)
        {
            x += 0x9E3779B97F4A7C15 * (ulong)(part + 1);
            x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
            x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
            x ^= x >> 31;
        }

        return (int)(x >> 33);
    }
}
