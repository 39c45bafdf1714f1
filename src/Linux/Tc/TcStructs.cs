using System.Runtime.InteropServices;

namespace VirtualServices.Linux.Tc;

// Structs and numbers of linux/rtnetlink.h, linux/pkt_sched.h, linux/pkt_cls.h and linux/gen_stats.h: the kernel's user interface.
#pragma warning disable CS0649 // fields that only the kernel assigns, through a cast of its bytes

/// <summary><c>struct tcmsg</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TcMessage
{
    public byte Family;
    public byte Pad;
    public ushort Pad2;
    public int Device;
    public uint Handle;
    public uint Parent;
    public uint Info;
}

/// <summary><c>struct tc_htb_glob</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct HtbGlobal
{
    public uint Version;
    public uint RateToQuantum;
    public uint DefaultClass;
    public uint Debug;
    public uint DirectPackets;
}

/// <summary><c>struct tc_ratespec</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RateSpecification
{
    public byte CellLog;
    public byte LinkLayer;
    public ushort Overhead;
    public short CellAlign;
    public ushort LeastPacket;
    public uint BytesPerSecond;
}

/// <summary><c>struct tc_htb_opt</c>; both buffers are times in ticks of 64 ns (PSCHED_SHIFT 6).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct HtbOptions
{
    public RateSpecification Rate;
    public RateSpecification Ceiling;
    public uint Buffer;
    public uint CeilingBuffer;
    public uint Quantum;
    public uint Level;
    public uint Priority;
}

/// <summary><c>struct gnet_stats_basic</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct BasicStatistics
{
    public ulong Bytes;
    public uint Packets;
}

/// <summary><c>struct gnet_stats_queue</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct QueueStatistics
{
    public uint Length;
    public uint Backlog;
    public uint Drops;
    public uint Requeues;
    public uint Overlimits;
}
#pragma warning restore CS0649

internal static class TcNumbers
{
    public const ushort NewQdisc = 36, DeleteQdisc = 37, GetQdisc = 38, NewClass = 40, DeleteClass = 41, GetClass = 42, NewFilter = 44, GetFilter = 46;
    public const ushort Kind = 1, Options = 2, Statistics2 = 7;
    public const ushort HtbParameters = 1, HtbInit = 2, HtbRate64 = 6, HtbCeiling64 = 7;
    public const ushort BpfClass = 3, BpfDescriptor = 6, BpfName = 7, BpfFlags = 8;
    public const ushort StatisticsBasic = 1, StatisticsQueue = 3, StatisticsPackets64 = 8;
    public const uint BpfDirectAction = 1;
    public const ushort ProtocolAllBigEndian = 0x0300; // ETH_P_ALL
}
