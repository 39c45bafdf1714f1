using System.Runtime.InteropServices;

namespace VirtualServices.Discover.Recording;

/// <summary><c>struct ring_event</c> of bpf/session.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct RingEvent
{
    internal long TimeNs;
    internal ulong CpuNs;
    internal ulong Socket;
    internal uint DurationNs;
    internal int Result;
    internal int Pid;
    internal int Tid;
    internal int Fd;
    internal int Child;
    internal int ChildPid;
    internal byte Kind;
    internal byte HasPeer;
    internal fixed byte Unused[2];
}

/// <summary><c>struct peer_address</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct PeerAddress
{
    internal ulong High;
    internal ulong Low;
    internal ushort Port;
    internal fixed ushort Unused[3];
}

/// <summary><c>struct ring_datagram</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RingDatagram
{
    internal RingEvent Event;
    internal PeerAddress Peer;
}

/// <summary><c>struct ring_socket</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct RingSocket
{
    internal RingEvent Event;
    internal ulong Inode;
    internal ulong PeerInode;
    internal uint NetworkNamespace;
    internal int PeerPid;
    internal fixed byte Local[16];
    internal fixed byte Remote[16];
    internal ushort LocalPort;
    internal ushort RemotePort;
    internal ushort Family;
    internal ushort Protocol;
    internal byte Role;
    internal byte PathIsRemote;
    internal byte PathLength;
    internal byte Unused;
    internal fixed byte Path[108];
    internal long ToldNs;
}

/// <summary><c>struct ring_process</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct RingProcess
{
    internal RingEvent Event;
    internal long StartNs;
    internal int ParentPid;
    internal uint Uid;
    internal uint Service;
    internal uint Executed;
    internal fixed byte Comm[16];
}

/// <summary><c>struct ring_counts</c>, of one CPU.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RingCounts
{
    internal ulong Lost;
    internal ulong Foreign;
    internal ulong Unmarked;
}

/// <summary><c>struct recorder_config</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct RecorderConfig
{
    internal const int CallNumbers = 512;
    internal fixed ushort Calls[CallNumbers];
    internal fixed byte Wakes[CallNumbers];
    internal ulong RingMask;
    internal uint Rings;
    internal byte Casts;
}

/// <summary><c>struct ring</c>: how a processor's ring begins.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Ring
{
    internal ulong Produced;
    internal fixed ulong Unused[7];
    internal ulong Consumed;
    internal fixed ulong Unused2[7];
}

/// <summary><c>struct ring_slot</c>: how a record begins.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RingSlot
{
    /// <summary><c>RING_SLOT</c> and <c>RING_TAIL</c>.</summary>
    internal const int Bytes = 64, Tail = 3;

    internal uint Slots;
    internal uint Position;
}

/// <summary><c>struct eventfd_request</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct EventfdRequest
{
    internal int Fd;
    internal int Found;
}
