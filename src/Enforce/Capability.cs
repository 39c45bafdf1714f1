namespace VirtualServices.Enforce;

/// <summary>What a host offers for a part of the product.</summary>
/// <param name="Name">The part, such as <c>gates</c>.</param>
/// <param name="State">Whether it works.</param>
/// <param name="Required">True where the main path needs it.</param>
/// <param name="Uses">The mechanism that will be used; empty where it does not work.</param>
/// <param name="Missing">What is missing; empty where nothing is.</param>
/// <param name="Remedy">How to get it; empty where nothing is missing.</param>
public sealed record Capability(string Name, CapabilityState State, bool Required, string Uses, string Missing, string Remedy);

/// <summary>Whether a capability is there.</summary>
public enum CapabilityState
{
    /// <summary>Tried, and it works.</summary>
    Works,

    /// <summary>Tried or looked for, and it does not.</summary>
    Missing,

    /// <summary>Could not be tried, as without root.</summary>
    Unknown,

    /// <summary>This version of the product does not use it.</summary>
    Unused,
}
