using System.Runtime.InteropServices;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Recording;

/// <summary>Which system calls are recorded, and how their arguments are read. Numbers differ between architectures.</summary>
internal static class CallTable
{
    // enum call_form of bpf/session.h.
    private const int Plain = 0, FlagsThird = 1, FlagsFourth = 2, ManySent = 3, ManyReceived = 4, Replaces = 5;

    // x86-64, arm64 (-1: does not exist there); from the kernel's system call tables, which never change.
    private static readonly (int X64, int Arm64, CallKind Kind, int Form)[] Calls =
    [
        (0, 63, CallKind.Receive, Plain),         // read
        (19, 65, CallKind.Receive, Plain),        // readv
        (45, 207, CallKind.Receive, FlagsFourth), // recvfrom
        (47, 212, CallKind.Receive, FlagsThird),  // recvmsg
        (299, 243, CallKind.Receive, ManyReceived), // recvmmsg
        (1, 64, CallKind.Send, Plain),            // write
        (20, 66, CallKind.Send, Plain),           // writev
        (44, 206, CallKind.Send, Plain),          // sendto
        (46, 211, CallKind.Send, Plain),          // sendmsg
        (307, 269, CallKind.Send, ManySent),      // sendmmsg
        (40, 71, CallKind.Send, Plain),           // sendfile: the first argument is where the bytes go
        (43, 202, CallKind.Accept, Plain),        // accept
        (288, 242, CallKind.Accept, Plain),       // accept4
        (42, 203, CallKind.Connect, Plain),       // connect
        (50, 201, CallKind.Listen, Plain),        // listen
        (3, 57, CallKind.Close, Plain),           // close
        (33, -1, CallKind.Close, Replaces),       // dup2
        (292, 24, CallKind.Close, Replaces),      // dup3
    ];

    /// <summary>The table for this machine.</summary>
    /// <exception cref="VsException">The architecture is neither x86-64 nor arm64.</exception>
    internal static unsafe RecorderConfig Build()
    {
        RecorderConfig config = default;
        foreach ((int x64, int arm64, CallKind kind, int form) in Calls)
        {
            int number = RuntimeInformation.OSArchitecture switch
            {
                Architecture.X64 => x64,
                Architecture.Arm64 => arm64,
                Architecture other => throw new VsException(ExitCode.HostLacks, $"recording needs an x86-64 or arm64 machine: the numbers of system calls on {other} are not known"),
            };
            if (number >= 0) config.Call[number] = (byte)((form << 4) | (int)kind);
        }

        return config;
    }
}
