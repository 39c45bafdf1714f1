namespace VirtualServices.Linux.Tc;

/// <summary>A queueing discipline of a device.</summary>
/// <param name="Device">Index of the device.</param>
/// <param name="Kind">Such as <c>htb</c>.</param>
/// <param name="Handle">Its number; major 0 where the kernel made it by default.</param>
/// <param name="Parent">Where it hangs.</param>
public sealed record Qdisc(int Device, string Kind, TcHandle Handle, TcHandle Parent)
{
    /// <summary>True for the hooks clsact and ingress: they queue nothing and stand beside any other discipline.</summary>
    public bool IsHook => Kind is "clsact" or "ingress";

    /// <summary>True where the kernel made it by itself, as it will again when ours is removed.</summary>
    public bool IsDefault => Handle.Major == 0;
}
