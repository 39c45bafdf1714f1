namespace VirtualServices.Model.Sessions;

/// <summary>One recorded call. Plain data, no references: batches of it are read without allocation.</summary>
public struct SessionEvent
{
    /// <summary>Enter time, ns of the session's clock (CLOCK_MONOTONIC of the recorded host).</summary>
    public long TimeNs;

    /// <summary>CPU time of the thread so far, ns; 0 where unknown.</summary>
    public ulong CpuNs;

    /// <summary>Id of the socket or pipe: the socket cookie, or, with the top bit set, an inode number; 0 for none. See <see cref="SocketDescription"/>.</summary>
    public ulong Socket;

    /// <summary>Time between entering and leaving the call, ns; saturates at 4.29 s.</summary>
    public uint DurationNs;

    /// <summary>Result of the call: bytes, a descriptor, or a negative errno.</summary>
    public int Result;

    /// <summary>Process (thread group) id.</summary>
    public int Pid;

    /// <summary>Thread id; 0 where unknown, then nothing may be concluded from threads.</summary>
    public int Tid;

    /// <summary>Descriptor, -1 for none.</summary>
    public int Fd;

    /// <summary>Fork: thread id of the child. Wake: the woken thread. Describe: index into the session's table of sockets.</summary>
    public int Child;

    /// <summary>Fork: process id of the child.</summary>
    public int ChildPid;

    /// <summary>Receive at a front door: known virtual service, index + 1 into <see cref="IEventSource.VirtualServices"/>; 0 where not known.</summary>
    public int VirtualService;

    /// <summary>What the event says.</summary>
    public CallKind Call;
}
