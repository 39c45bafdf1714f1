using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace VirtualServices.Enforce.Kernel;

// The structs of bpf/gates.h, field by field. A test compares sizes and offsets with the object's type information.
#pragma warning disable CS0649 // the kernel assigns them
[InlineArray(16)]
internal struct Bytes16 { private byte _first; }

[InlineArray(108)]
internal struct Bytes108 { private byte _first; }

[InlineArray(128)]
internal struct Bytes128 { private byte _first; }

[InlineArray(248)]
internal struct Bytes248 { private byte _first; }

[InlineArray(256)]
internal struct Bytes256 { private byte _first; }

[InlineArray(512)]
internal struct Bytes512 { private byte _first; }

/// <summary><c>control_flags</c> in <c>gates.h</c>.</summary>
[Flags]
internal enum ControlFlags : uint
{
    None = 0,
    ScanOnExec = 1,
    WholeProcesses = 2,
    CountsProcesses = 4,
}

[StructLayout(LayoutKind.Sequential)]
internal struct Control
{
    public uint Generation;
    public ControlFlags Flags;
    public ulong SinceNs;
}

[StructLayout(LayoutKind.Sequential)]
internal record struct MemberKey(ulong Value, ulong More, uint Kind, uint Generation);

[StructLayout(LayoutKind.Sequential)]
internal struct MemberName
{
    public uint Kind;
    public uint Generation;
    public Bytes248 Text;
}

[StructLayout(LayoutKind.Sequential)]
internal record struct Member(uint Service, uint ServiceRank, uint VirtualService, uint VirtualServiceRank, uint Flags, uint Pad);

[StructLayout(LayoutKind.Sequential)]
internal struct InetKey
{
    public Bytes16 Address;
    public ushort Port;
    public ushort Protocol;
    public uint Generation;
}

[StructLayout(LayoutKind.Sequential)]
internal struct ClientKey
{
    public uint Bits;
    public uint Generation;
    public Bytes16 Address;
}

[StructLayout(LayoutKind.Sequential)]
internal struct NameKey
{
    public uint Bits;
    public uint Generation;
    public Bytes128 Text;
}

[StructLayout(LayoutKind.Sequential)]
internal record struct ServiceCalls(uint Generation, uint Calls);

/// <summary>Of the even generation and of the odd one.</summary>
[StructLayout(LayoutKind.Sequential)]
internal record struct ServiceCallsPair(ServiceCalls Even, ServiceCalls Odd);

[StructLayout(LayoutKind.Sequential)]
internal struct UnixKey
{
    public uint Generation;
    public Bytes108 Path;
}

[StructLayout(LayoutKind.Sequential)]
internal record struct RuleKey(uint Generation, uint Service, uint Call, uint Endpoint, uint Requester);

[StructLayout(LayoutKind.Sequential)]
internal record struct Rule(uint Classify, uint VirtualService, uint Scope, uint Gate);

[StructLayout(LayoutKind.Sequential)]
internal record struct Alive(uint Even, uint Odd);

[StructLayout(LayoutKind.Sequential)]
internal record struct GateStats(ulong Hits, ulong Rebinds, ulong Unknown);

[StructLayout(LayoutKind.Sequential)]
internal record struct AccountKey(uint VirtualService, uint Service);

[StructLayout(LayoutKind.Sequential)]
internal record struct Account(ulong CpuNs, ulong WaitNs, ulong Requests, ulong UnknownRequests, ulong Rebinds);

[StructLayout(LayoutKind.Sequential)]
internal record struct ShareRecord(uint Parent, uint CpuWeight, uint CpuMaxMilli, uint NetworkWeight, ulong NetworkAssured, ulong NetworkMax, uint Processes, uint Sockets);

[StructLayout(LayoutKind.Sequential)]
internal record struct LimitRecord(uint Generation, uint Sockets, uint Processes, LimitKind Action, uint Error);

/// <summary>Of the even generation and of the odd one.</summary>
[StructLayout(LayoutKind.Sequential)]
internal record struct LimitPair(LimitRecord Even, LimitRecord Odd);

[StructLayout(LayoutKind.Sequential)]
internal record struct VsCounter(uint Generation, uint Sockets, uint Processes);

/// <summary>Of the even generation and of the odd one.</summary>
[StructLayout(LayoutKind.Sequential)]
internal record struct VsCounterPair(VsCounter Even, VsCounter Odd);

[StructLayout(LayoutKind.Sequential)]
internal record struct CounterUse(ulong Sockets, ulong SocketHits, ulong Processes, ulong ProcessHits);

[StructLayout(LayoutKind.Sequential)]
internal record struct ProcessKey(ulong Started, uint Pid, uint VirtualService);

[StructLayout(LayoutKind.Sequential)]
internal record struct ProcessAccount(ulong CpuNs, uint Service, uint Pad);

[StructLayout(LayoutKind.Sequential)]
internal record struct OriginKey(ulong Number, ulong Started);

[StructLayout(LayoutKind.Sequential)]
internal struct RebindEvent
{
    public ulong AtNs;
    public uint Tid;
    public uint Pid;
    public uint OldVirtualService;
    public uint NewVirtualService;
    public uint Gate;
    public uint Scope;
}

[StructLayout(LayoutKind.Sequential)]
internal record struct Assignment(uint Service, uint VirtualService, AssignmentForce Force, uint Gate);

[StructLayout(LayoutKind.Sequential)]
internal struct TaskRecord
{
    public uint Tid;
    public uint Pid;
    public uint Parent;
    public uint Service;
    public uint VirtualService;
    public uint Gate;
    public uint Flags;
    public Membership Membership;
    public uint InheritedFrom;
    public uint Pad;
    public ulong Started;
    public ulong BoundAtNs;
    public uint RequestsOpen;
    public uint HitsOpen;
    public ulong WaitOpenNs;
    public ulong CpuOpenNs;
    public ulong CpuTotalNs;
    public ulong CgroupV2;
    public ulong CgroupCpu;
    public Bytes16 Comm;

    /// <summary>It began to listen, or held a listening socket when the gates came (TAG_LISTENS).</summary>
    public readonly bool Listens => (Flags & 128) != 0;

    /// <summary>It was made beyond a limit of processes (TAG_BEYOND).</summary>
    public readonly bool Beyond => (Flags & 512) != 0;
}

[StructLayout(LayoutKind.Sequential)]
internal record struct ServerRecord(uint Pid, uint Service, uint Requester, uint Endpoint, ulong Socket);

[StructLayout(LayoutKind.Sequential)]
internal record struct ConnectionRecord(uint Role, uint Service, uint VirtualService, uint Endpoint, uint Pid, uint Fd, ulong Socket);

/// <summary>What the enforcer tells about itself, for other processes. Written by user space only.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct AgentRecord
{
    public ulong Magic;
    public uint Pid;
    public uint Audit;
    public long SinceUnixMs;
    public long HeartbeatUnixMs;
    public ulong Moved;
    public ulong Gone;
    public ulong Failed;
    public ulong Reconciled;
    public ulong LostEvents;
    public uint CpuShares;
    public uint Pad;
    public Bytes32 Programs;
    public Bytes144 LastError;
}

[InlineArray(32)]
internal struct Bytes32 { private byte _first; }

[InlineArray(144)]
internal struct Bytes144 { private byte _first; }

[InlineArray(4096)]
internal struct Bytes4096 { private byte _first; }
#pragma warning restore CS0649
