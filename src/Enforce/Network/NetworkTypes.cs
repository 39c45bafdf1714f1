using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using VirtualServices.Enforce.Kernel;

namespace VirtualServices.Enforce.Network;

// The structs of bpf/shares.h, field by field. A test compares sizes and offsets with the header.
[StructLayout(LayoutKind.Sequential)]
internal record struct NetworkUse(ulong Bytes, ulong Packets, ulong Dropped);

[StructLayout(LayoutKind.Sequential)]
internal record struct NetworkClass(uint Minor, uint Millionths);

[StructLayout(LayoutKind.Sequential)]
internal record struct NetworkDeviceKey(ulong Netns, uint Index, uint Pad);

[StructLayout(LayoutKind.Sequential)]
internal struct NetworkDeviceRecord
{
    public ulong BitsPerSecond;
    public Bytes16 Name;
    public Bytes256 Netns;
    public Bytes480 Refusal;
}

[InlineArray(480)]
internal struct Bytes480 { private byte _first; }
