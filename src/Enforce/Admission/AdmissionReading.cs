namespace VirtualServices.Enforce.Admission;

/// <summary>The kernel's counters of a virtual service, at one moment.</summary>
/// <param name="Turns">Turns that were begun.</param>
/// <param name="Waiting">Connections with bytes that were not read, held or not.</param>
/// <param name="Replied">Turns that ended.</param>
/// <param name="DelayNs">Sum of the times from a turn's first byte to its being read.</param>
/// <param name="CpuNs">CPU time that the service used for it.</param>
internal readonly record struct TenantReading(long Turns, long Waiting, long Replied, long DelayNs, long CpuNs);
