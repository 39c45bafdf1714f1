namespace VirtualServices.Enforce.Admission;

/// <summary>The kernel's counters of a virtual service, at one moment.</summary>
/// <param name="Turns">Turns that were begun.</param>
/// <param name="Pending">Connections with a turn that waits or is in hand.</param>
/// <param name="Replied">Turns that ended.</param>
/// <param name="DelayNs">Sum of the times from a turn's first byte to its being read.</param>
/// <param name="CpuNs">CPU time that the service used for it.</param>
internal readonly record struct TenantReading(long Turns, long Pending, long Replied, long DelayNs, long CpuNs);

/// <summary>The kernel's counters of a station, at one moment.</summary>
/// <param name="InService">Turns in hand.</param>
/// <param name="IdleNs">Sum of times in which there was nothing to do: nothing in hand and no request to be seen.</param>
internal readonly record struct StationReading(long InService, long IdleNs);
