namespace VirtualServices.Enforce.Admission;

/// <summary>The kernel's counters of a virtual service, at one moment.</summary>
/// <param name="Turns">Turns that were begun.</param>
/// <param name="Waiting">Connections with bytes that were not read, held or not.</param>
/// <param name="Replied">Turns that ended.</param>
/// <param name="DelayNs">Sum of the times from a turn's first byte to its being read.</param>
/// <param name="CpuNs">CPU time that the service used for it.</param>
/// <param name="Open">Turns that were begun and have not ended.</param>
/// <param name="Calls">What the service asked others for it and was not answered yet.</param>
internal readonly record struct TenantReading(long Turns, long Waiting, long Replied, long DelayNs, long CpuNs, long Open = 0, long Calls = 0)
{
    /// <summary>Turns that the service has and does nothing for that could be seen from outside: it computes, or they wait inside it.</summary>
    public long Inside => Math.Max(0, Open - Calls);
}
