namespace VirtualServices.Rules;

/// <summary>What the machine has to share out.</summary>
/// <param name="Cpus">CPUs that are online.</param>
/// <param name="NetworkBitsPerSecond">Rate of the governed device, or null where it is not known.</param>
public sealed record HostCapacity(int Cpus, long? NetworkBitsPerSecond = null);
