using System.Runtime.InteropServices;
using VirtualServices.Linux.Bpf;

namespace VirtualServices.Enforce.Admission;

/// <summary>What a call on somebody else's socket found.</summary>
internal enum HoldResult
{
    /// <summary>Done.</summary>
    Done,

    /// <summary>The process ended, or the descriptor is another socket by now.</summary>
    Gone,

    /// <summary>Its receives may block: held, one would hang until the end of the connection.</summary>
    Blocks,
}

/// <summary>
/// Holds a connection of another process through a copy of its descriptor. The copy lives for some microseconds only: as long as it exists, a close
/// by the service sends no FIN. The cookie is compared each time, because numbers of descriptors are used again.
/// </summary>
internal static unsafe partial class ConnectionDescriptor
{
    private const int SocketLevel = 1, ReceiveLowWater = 18, SocketCookie = 57, GetFlags = 3, NonBlocking = 0x800, BytesQueued = 0x541B;

    // tcp_set_rcvlowat cuts it to half of tcp_rmem[2] and makes the receive buffer so large: with more than this unread, the service sees it.
    private const int HoldBytes = 1 << 20;

    /// <summary>Marks below this are not ours: half of the smallest tcp_rmem[2] that anybody sets is more.</summary>
    public const uint LeastMark = 1 << 16;

    /// <summary>Opens a process for <see cref="Hold"/> and <see cref="Release"/>.</summary>
    /// <returns>A descriptor, -1 where it ended.</returns>
    public static int OpenProcess(int pid) => (int)syscall(434, pid, 0, 0);

    /// <summary>Closes what <see cref="OpenProcess"/> gave.</summary>
    public static void CloseProcess(int process)
    {
        if (process >= 0) _ = close(process);
    }

    /// <summary>Hides what arrives.</summary>
    /// <param name="process">Descriptor of the process.</param>
    /// <param name="descriptor">Number of the connection's descriptor there.</param>
    /// <param name="cookie">Cookie of the connection's socket.</param>
    /// <param name="queued">Bytes that wait.</param>
    public static HoldResult Hold(int process, int descriptor, ulong cookie, out int queued)
    {
        queued = 0;
        int copy = Copy(process, descriptor, cookie);
        if (copy < 0) return HoldResult.Gone;
        try
        {
            int hold = HoldBytes, bytes = 0;
            if (!Blocks(copy) && setsockopt(copy, SocketLevel, ReceiveLowWater, &hold, sizeof(int)) != 0) return HoldResult.Gone;
            if (Blocks(copy)) // now, or it was held already
            {
                int one = 1;
                _ = setsockopt(copy, SocketLevel, ReceiveLowWater, &one, sizeof(int));
                return HoldResult.Blocks;
            }

            if (ioctl(copy, BytesQueued, &bytes) == 0) queued = bytes;
            return HoldResult.Done;
        }
        finally
        {
            _ = close(copy);
        }
    }

    private static bool Blocks(int copy) => (fcntl(copy, GetFlags, 0) & NonBlocking) == 0;

    /// <summary>Shows what waits; the kernel tells the service at once.</summary>
    public static HoldResult Release(int process, int descriptor, ulong cookie)
    {
        int copy = Copy(process, descriptor, cookie);
        if (copy < 0) return HoldResult.Gone;
        int mark = 1;
        int result = setsockopt(copy, SocketLevel, ReceiveLowWater, &mark, sizeof(int));
        _ = close(copy);
        return result == 0 ? HoldResult.Done : HoldResult.Gone;
    }

    /// <summary>Looks at a connection.</summary>
    /// <param name="process">Descriptor of the process.</param>
    /// <param name="descriptor">Number of the connection's descriptor there.</param>
    /// <param name="states">What admission keeps of each connection.</param>
    /// <param name="state">That of this one.</param>
    /// <param name="held">True where it is held.</param>
    /// <returns>False where it is gone, or admission does not know it.</returns>
    public static bool Look(int process, int descriptor, BpfMap states, out ConnectionState state, out bool held)
    {
        (state, held) = (default, false);
        int copy = (int)syscall(438, process, descriptor, 0);
        if (copy < 0) return false;
        try
        {
            uint mark = 0, length = sizeof(uint);
            if (!states.TryLookup(copy, out state) || getsockopt(copy, SocketLevel, ReceiveLowWater, &mark, &length) != 0) return false;
            held = mark >= LeastMark;
            return true;
        }
        finally
        {
            _ = close(copy);
        }
    }

    private static int Copy(int process, int descriptor, ulong cookie)
    {
        int copy = (int)syscall(438, process, descriptor, 0);
        if (copy < 0) return -1;
        ulong found = 0;
        uint length = sizeof(ulong);
        if (getsockopt(copy, SocketLevel, SocketCookie, &found, &length) == 0 && found == cookie) return copy;
        _ = close(copy);
        return -1;
    }

    [LibraryImport("libc")]
    private static partial long syscall(long number, long first, long second, long third);

    [LibraryImport("libc")]
    private static partial int close(int fd);

    [LibraryImport("libc")]
    private static partial int setsockopt(int fd, int level, int option, void* value, uint length);

    [LibraryImport("libc")]
    [SuppressGCTransition]
    private static partial int getsockopt(int fd, int level, int option, void* value, uint* length);

    [LibraryImport("libc")]
    [SuppressGCTransition]
    private static partial int fcntl(int fd, int command, int argument);

    [LibraryImport("libc")]
    [SuppressGCTransition]
    private static partial int ioctl(int fd, nuint request, int* value);
}
