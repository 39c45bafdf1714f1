namespace VirtualServices.Enforce;

/// <summary>How to enforce.</summary>
/// <param name="Audit">Classify and count only: nothing is moved, no cgroup is made.</param>
/// <param name="Log">Gets a line for each step; null for silence.</param>
public sealed record EnforceOptions(bool Audit = false, Action<string>? Log = null);
