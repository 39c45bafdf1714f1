using System.Runtime.InteropServices;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Recording;

/// <summary>Which system calls are recorded, and how their arguments are read. Numbers differ between architectures.</summary>
internal static class CallTable
{
    // enum call_form of bpf/session.h.
    private enum Form
    {
        Plain = 0,
        Addressed = 1,
        Message = 2,
        Messages = 3,
        Replaces = 4,
        Duplicates = 5,
        Control = 6,
        Makes = 7,
        Pipe = 8,
        SocketPair = 9,
        Moves = 10,
        Waits = 11,
        WaitsMany = 12,
    }

    // enum wake_means: a write, whose descriptor decides.
    private const int ByDescriptor = 100;

    // x86-64, arm64 (-1: does not exist there); from the kernel's system call tables, which never change.
    private static readonly (int X64, int Arm64, CallKind Kind, Form Form)[] Calls =
    [
        (0, 63, CallKind.Receive, Form.Plain),          // read
        (19, 65, CallKind.Receive, Form.Plain),         // readv
        (327, 286, CallKind.Receive, Form.Plain),       // preadv2
        (45, 207, CallKind.Receive, Form.Addressed),    // recvfrom
        (47, 212, CallKind.Receive, Form.Message),      // recvmsg
        (299, 243, CallKind.Receive, Form.Messages),    // recvmmsg
        (1, 64, CallKind.Send, Form.Plain),             // write
        (20, 66, CallKind.Send, Form.Plain),            // writev
        (328, 287, CallKind.Send, Form.Plain),          // pwritev2
        (44, 206, CallKind.Send, Form.Addressed),       // sendto
        (46, 211, CallKind.Send, Form.Message),         // sendmsg
        (307, 269, CallKind.Send, Form.Messages),       // sendmmsg
        (40, 71, CallKind.Send, Form.Plain),            // sendfile: the first argument is where the bytes go
        (275, 76, CallKind.Receive, Form.Moves),        // splice
        (278, 75, CallKind.Send, Form.Plain),           // vmsplice
        (43, 202, CallKind.Accept, Form.Plain),         // accept
        (288, 242, CallKind.Accept, Form.Plain),        // accept4
        (42, 203, CallKind.Connect, Form.Plain),        // connect
        (49, 200, CallKind.Bind, Form.Plain),           // bind
        (50, 201, CallKind.Listen, Form.Plain),         // listen
        (48, 210, CallKind.Shutdown, Form.Plain),       // shutdown
        (3, 57, CallKind.Close, Form.Plain),            // close
        (32, 23, CallKind.Duplicate, Form.Duplicates),  // dup
        (33, -1, CallKind.Duplicate, Form.Replaces),    // dup2
        (292, 24, CallKind.Duplicate, Form.Replaces),   // dup3
        (72, 25, CallKind.Duplicate, Form.Control),     // fcntl
        (41, 198, CallKind.Create, Form.Makes),         // socket
        (284, -1, CallKind.Create, Form.Makes),         // eventfd
        (290, 19, CallKind.Create, Form.Makes),         // eventfd2
        (22, -1, CallKind.Create, Form.Pipe),           // pipe
        (293, 59, CallKind.Create, Form.Pipe),          // pipe2
        (53, 199, CallKind.Create, Form.SocketPair),    // socketpair
        (232, -1, CallKind.Wait, Form.Waits),           // epoll_wait
        (281, 22, CallKind.Wait, Form.Waits),           // epoll_pwait
        (441, 441, CallKind.Wait, Form.Waits),          // epoll_pwait2
        (7, -1, CallKind.Wait, Form.WaitsMany),         // poll
        (271, 73, CallKind.Wait, Form.WaitsMany),       // ppoll
        (23, -1, CallKind.Wait, Form.WaitsMany),        // select
        (270, 72, CallKind.Wait, Form.WaitsMany),       // pselect6
    ];

    // Calls by which a thread wakes another on purpose.
    private static readonly (int X64, int Arm64, int Means)[] Wakes =
    [
        (202, 98, (int)WakeMeans.Futex),    // futex
        (454, 454, (int)WakeMeans.Futex),   // futex_wake
        (455, 455, (int)WakeMeans.Futex),   // futex_wait
        (449, 449, (int)WakeMeans.Futex),   // futex_waitv
        (1, 64, ByDescriptor),              // write
        (20, 66, ByDescriptor),             // writev
        (62, 129, (int)WakeMeans.Signal),   // kill
        (200, 130, (int)WakeMeans.Signal),  // tkill
        (234, 131, (int)WakeMeans.Signal),  // tgkill
        (129, 138, (int)WakeMeans.Signal),  // rt_sigqueueinfo
        (424, 424, (int)WakeMeans.Signal),  // pidfd_send_signal
        (60, 93, (int)WakeMeans.Exit),      // exit
        (231, 94, (int)WakeMeans.Exit),     // exit_group
    ];

    /// <summary>The tables for this machine.</summary>
    /// <exception cref="VsException">The architecture is neither x86-64 nor arm64.</exception>
    internal static unsafe RecorderConfig Build()
    {
        RecorderConfig config = default;
        foreach ((int x64, int arm64, CallKind kind, Form form) in Calls)
            if (Number(x64, arm64) is >= 0 and int number) config.Calls[number] = (ushort)(((int)form << 8) | (int)kind);
        foreach ((int x64, int arm64, int means) in Wakes) config.Wakes[Number(x64, arm64)] = (byte)means;
        return config;
    }

    private static int Number(int x64, int arm64) => RuntimeInformation.OSArchitecture switch
    {
        Architecture.X64 => x64,
        Architecture.Arm64 => arm64,
        Architecture other => throw new VsException(ExitCode.HostLacks, $"recording needs an x86-64 or arm64 machine: the numbers of system calls on {other} are not known"),
    };
}
