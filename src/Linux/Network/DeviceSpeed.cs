using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;

namespace VirtualServices.Linux.Network;

/// <summary>Rate of a device as its driver says (ethtool). Many have none: lo, bridges, virtio without a set speed, links that are down.</summary>
public static unsafe partial class DeviceSpeed
{
    private const int InternetFamily = 2, Datagram = 2, CloseOnExec = 0x80000;
    private const ulong EthtoolRequest = 0x8946; // SIOCETHTOOL
    private const uint GetSettings = 1;          // ETHTOOL_GSET
    private const uint Unknown = uint.MaxValue;

    /// <summary>Asks in the calling thread's network namespace.</summary>
    /// <returns>Bits per second, or null where the driver does not know.</returns>
    public static long? Of(string device)
    {
        ArgumentNullException.ThrowIfNull(device);
        int fd = LibC.socket(InternetFamily, Datagram | CloseOnExec, 0);
        if (fd < 0) return null;
        using SafeFileHandle owner = new(fd, ownsHandle: true);
        Settings settings = new() { Command = GetSettings };
        Request request = new() { Data = &settings };
        if (!Encoding.UTF8.TryGetBytes(device, new Span<byte>(request.Name, 15), out _)) return null;
        if (ioctl(fd, EthtoolRequest, &request) != 0) return null;
        uint megabits = (uint)settings.SpeedHigh << 16 | settings.SpeedLow;
        return megabits is 0 or ushort.MaxValue or Unknown ? null : megabits * 1_000_000L;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ioctl(int fd, ulong request, Request* argument);

    /// <summary><c>struct ifreq</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Request
    {
        public fixed byte Name[16];
        public Settings* Data;
        public fixed byte Rest[16];
    }

    /// <summary><c>struct ethtool_cmd</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Settings
    {
        public uint Command;
        public uint Supported;
        public uint Advertising;
        public ushort SpeedLow;
        public fixed byte Skipped[14];
        public ushort SpeedHigh;
        public fixed byte Rest[14];
    }
}
