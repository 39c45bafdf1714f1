using System.Runtime.InteropServices;
using VirtualServices.Enforce.Kernel;

namespace VirtualServices.Enforce.Admission;

// The structs of bpf/admission.h, field by field. A test compares sizes and offsets with the header.
#pragma warning disable CS0649 // the kernel assigns them
[StructLayout(LayoutKind.Sequential)]
internal struct DoorKey
{
    public Bytes16 Address;
    public uint Port;
    public uint NetworkNamespace;
}

[StructLayout(LayoutKind.Sequential)]
internal record struct Door(uint Service, uint VirtualService, uint Tell, uint Pad);

[StructLayout(LayoutKind.Sequential)]
internal struct Cell
{
    public ulong Arrived;
    public ulong Received;
    public ulong Replied;
    public ulong DelayNs;
    public ulong DelayMaxNs;
    public ulong CpuNs;
    public ulong ServiceNs;
    public long Waiting;
    public long InService;
    public uint VirtualService;
    public uint Service;
    public uint Wants;
    public uint Held;
    public uint Admitted;
    public uint HeldWaiting;
    public uint Gate;
    public uint Pad;
}

[StructLayout(LayoutKind.Sequential)]
internal struct Station
{
    public long InService;
    public ulong IdleSince;
    public ulong IdleNs;
    public uint Hungry;
    public uint Pad;
}

[StructLayout(LayoutKind.Sequential)]
internal struct AdmissionEvent
{
    public ulong AtNs;
    public ulong Connection;
    public uint Kind;
    public uint Cell;
}

[StructLayout(LayoutKind.Sequential)]
internal record struct AdmissionRecord(ulong Connection, uint Pid, uint Descriptor, uint Cell, uint Service, uint VirtualService, uint Flags, uint Queued, uint Held);
#pragma warning restore CS0649
