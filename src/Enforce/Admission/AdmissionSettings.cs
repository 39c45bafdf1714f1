namespace VirtualServices.Enforce.Admission;

/// <summary>Parameters of admission; docs/admission.md explains each. Times in ns.</summary>
internal sealed record AdmissionSettings
{
    /// <summary>After nobody waited for so long, nobody is held.</summary>
    public long LingerNs { get; init; } = 1_000_000_000;

    /// <summary>A virtual service that is not held shall wait no longer than this, or than two turns where a turn is longer.</summary>
    public long DelayNs { get; init; } = 1_000_000;

    /// <summary>Fewest places: one turn in hand and one that is ready when it ends.</summary>
    public int LeastAdmitted { get; init; } = 2;

    /// <summary>Most places.</summary>
    public int MostAdmitted { get; init; } = 256;

    /// <summary>How often the number of places is adapted.</summary>
    public long AdaptNs { get; init; } = 50_000_000;

    /// <summary>More idle time of the station than this, while somebody is held, lets one more in.</summary>
    public double MostIdle { get; init; } = 0.05;

    /// <summary>The same for a service whose front doors are held: from a door to the service a request needs longer, so that two places run dry more often.</summary>
    public double MostIdleAtDoors { get; init; } = 0.01;

    /// <summary>A request that waits for so long is let in whatever has a place: a front door closes connections on which it hears nothing for some seconds.</summary>
    public long MostHeldNs { get; init; } = long.MaxValue;

    /// <summary>The same where front doors are held.</summary>
    public long MostHeldAtDoorsNs { get; init; } = 3_000_000_000;

    /// <summary>A process that used less of a CPU than this may be waiting for something else while turns are in hand: one more place.</summary>
    public double LittleUse { get; init; } = 0.7;

    /// <summary>Bytes that come on a connection whose request is in hand may be the rest of it: after so long without an answer, or two turns, they are shown.</summary>
    public long RestNs { get; init; } = 2_000_000;

    /// <summary>Above this many turns a second they are not told one by one: a connection keeps its place for its slice, whatever it is asked.</summary>
    public double MostTurnsPerSecond { get; init; } = 4000;

    /// <summary>Places that change hands a second; at some 20 µs for a hold and a release this is 1 % of a CPU.</summary>
    public double MostSwitchesPerSecond { get; init; } = 500;

    /// <summary>Shortest slice.</summary>
    public long LeastSliceNs { get; init; } = 2_000_000;

    /// <summary>A place whose connection was asked for nothing for so long goes to who waits.</summary>
    public long IdlePlaceNs { get; init; } = 500_000;

    /// <summary>A turn that is in hand for longer than this and for twenty usual ones gives its place to others: it may be waiting for something else.</summary>
    public long ParkNs { get; init; } = 50_000_000;

    /// <summary>A virtual service that is ahead of another that waits by so much weighted service time is held even if it has few connections.</summary>
    public long AheadNs { get; init; } = 20_000_000;

    /// <summary>The most weighted service time that a virtual service can be behind the others, or twenty turns where they are longer: it bounds what one that asked for little can take before it is held like them.</summary>
    public long MostBehindNs { get; init; } = 50_000_000;
}
