namespace VirtualServices.Model;

/// <summary>CPU share of a virtual service.</summary>
/// <param name="Weight">Weight among siblings, 1..10000 (as cgroup v2's cpu.weight); 100 where nothing is said.</param>
/// <param name="Max">Upper bound in CPUs (1.5 = one and a half), or null for none.</param>
public sealed record CpuShare(int Weight = 100, double? Max = null);
