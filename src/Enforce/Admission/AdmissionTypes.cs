using System.Runtime.InteropServices;

namespace VirtualServices.Enforce.Admission;

// The structs of bpf/admission.h, field by field. A test compares sizes and offsets with the header.
#pragma warning disable CS0649 // the kernel assigns them
internal enum AdmissionEventKind : uint
{
    Opened = 1,
    Arrived,
    Received,
    Replied,
    Closed,
    Blocks,
}

[StructLayout(LayoutKind.Sequential)]
internal struct Cell
{
    public ulong Arrived;
    public ulong Received;
    public ulong Replied;
    public ulong DelayNs;
    public ulong CpuNs;
    public long Waiting;
    public long InService;
    public long Calls;
    public uint VirtualService;
    public uint Service;
    public uint Wants;
    public uint Held;
    public uint Admitted;
    public uint HeldWaiting;
}

[StructLayout(LayoutKind.Sequential)]
internal struct Station
{
    public long InService;
    public ulong IdleSince;
    public ulong IdleNs;
    public ulong ReleasedNs;
    public uint Hungry;
    public uint Blocks;
    public uint Thread;
    public uint Threads;
}

[StructLayout(LayoutKind.Sequential)]
internal struct ConnectionState
{
    public ulong Connection;
    public ulong ArrivedNs;
    public ulong ReceivedNs;
    public uint Requester;
    public uint Generation;
    public uint Cell;
    public uint Station;
    public uint TurnCell;
    public byte Closed;
    public byte Blocks;
    public byte Door;
    public byte Pad;
}

[StructLayout(LayoutKind.Sequential)]
internal record struct DoorKey(uint Process, uint Port);

[StructLayout(LayoutKind.Sequential)]
internal struct AdmissionEvent
{
    public ulong Connection;
    public AdmissionEventKind Kind;
    public uint Cell;
}

[StructLayout(LayoutKind.Sequential)]
internal record struct AdmissionRecord(ulong Connection, uint Pid, uint Descriptor, uint Cell, uint Blocks, uint Queued, uint Held);
#pragma warning restore CS0649
