namespace VirtualServices.Enforce.Admission;

/// <summary>Keeps what admission itself costs within bounds: where its thread used too much of a CPU, it looks less often and slices become longer.</summary>
internal sealed class AdmissionPace
{
    /// <summary>Most of a CPU that the thread may use.</summary>
    public const double MostUse = 0.03;

    private const int MostStretch = 4;
    private const long PeriodNs = 250_000_000;
    private long _sinceNs;
    private long _usedNs;

    /// <summary>How many times as long as they would be slices are, and pauses between two looks, 1 to 4.</summary>
    public int Stretch { get; private set; } = 1;

    /// <summary>Part of a CPU that the thread used in the last period.</summary>
    public double Use { get; private set; }

    /// <summary>Takes the thread's CPU time in.</summary>
    public void Observe(long usedNs, long nowNs)
    {
        if (nowNs - _sinceNs < PeriodNs) return;
        Use = (double)(usedNs - _usedNs) / (nowNs - _sinceNs);
        if (Use > MostUse) Stretch = Math.Min(2 * Stretch, MostStretch);
        else if (Use < MostUse / 3) Stretch = Math.Max(1, Stretch / 2);
        (_sinceNs, _usedNs) = (nowNs, usedNs);
    }
}
