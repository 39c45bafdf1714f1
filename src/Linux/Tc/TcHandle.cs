using System.Globalization;

namespace VirtualServices.Linux.Tc;

/// <summary>Handle of a queueing discipline or class, as tc(8) writes it: <c>MAJOR:MINOR</c> in hexadecimal; a discipline has minor 0.</summary>
/// <param name="Value">Major in the upper, minor in the lower 16 bits.</param>
public readonly record struct TcHandle(uint Value)
{
    /// <summary>Parent of what hangs at the device itself (TC_H_ROOT).</summary>
    public static readonly TcHandle Root = new(0xffff_ffff);

    /// <summary>Makes a handle.</summary>
    public TcHandle(ushort major, ushort minor)
        : this((uint)major << 16 | minor)
    {
    }

    /// <summary>Number of the discipline; 0: one that the kernel made by itself.</summary>
    public ushort Major => (ushort)(Value >> 16);

    /// <summary>Number of the class.</summary>
    public ushort Minor => (ushort)Value;

    /// <inheritdoc/>
    public override string ToString() => Value == Root.Value ? "root" : Minor == 0 ? string.Create(CultureInfo.InvariantCulture, $"{Major:x}:") : string.Create(CultureInfo.InvariantCulture, $"{Major:x}:{Minor:x}");
}
