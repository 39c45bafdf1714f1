namespace VirtualServices.Model;

/// <summary>Network share of a virtual service on each governed device.</summary>
/// <param name="Weight">Weight among siblings, 1..10000; 100 where nothing is said.</param>
/// <param name="AssuredBitsPerSecond">Rate that is kept free for it, or null for none.</param>
/// <param name="MaxBitsPerSecond">Upper bound, or null for none.</param>
public sealed record NetworkShare(int Weight = 100, long? AssuredBitsPerSecond = null, long? MaxBitsPerSecond = null);
