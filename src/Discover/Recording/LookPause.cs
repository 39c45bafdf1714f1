namespace VirtualServices.Discover.Recording;

/// <summary>
/// How long the recorder leaves the rings alone between two looks. Waking for a look costs the recorded more than to read some thousand events, so the pause grows while little comes; but a burst out of nothing must
/// find room, and a process that has just begun must be looked at before it ends.
/// </summary>
/// <param name="slots">Of each ring.</param>
internal sealed class LookPause(uint slots)
{
    /// <summary>Where much comes or processes do. At two million events a second the rings take six times as long to fill.</summary>
    internal const int ShortestMilliseconds = 20;

    private const int MostMilliseconds = 60, BurstPerMillisecond = 1000; // events of one processor
    private const double Wanted = 1.0 / 16; // of a ring that is to be filled when it is looked at
    private const int QuietLooks = 250; // without a process, before it grows: five seconds

    private readonly int _longest = Math.Clamp((int)(slots / 2 / BurstPerMillisecond), ShortestMilliseconds, MostMilliseconds);
    private int _quiet = QuietLooks;

    /// <summary>Until the next look.</summary>
    internal int Milliseconds { get; private set; } = ShortestMilliseconds;

    /// <summary>Learns from a look.</summary>
    /// <param name="fullest">How full the fullest ring was.</param>
    /// <param name="presses">Whether it was so full that the next look must not wait.</param>
    /// <param name="processes">Whether it told of processes that began.</param>
    internal void Looked(double fullest, bool presses, bool processes)
    {
        _quiet = processes ? 0 : Math.Min(_quiet + 1, QuietLooks);
        if (presses || _quiet < QuietLooks) Milliseconds = ShortestMilliseconds;
        else if (fullest < Wanted) Milliseconds = Math.Min(Milliseconds * 5 / 4, _longest);
        else Milliseconds = Math.Max(Milliseconds * 3 / 4, ShortestMilliseconds);
    }
}
