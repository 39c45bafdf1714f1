using System.Runtime.InteropServices;
using SharpPcap.LibPcap;

namespace VirtualServices.Discover.Recording.Packets;

/// <summary><c>struct pcap_stat</c> of pcap.h: counts since the device was opened, of 32 bits that run over.</summary>
/// <remarks>SharpPcap 6.3.1 takes these fields for ones of 64 bits, so its Statistics say of every capture that nothing was dropped.</remarks>
[StructLayout(LayoutKind.Sequential)]
internal partial struct PcapStatistics
{
    internal uint Received;
    internal uint Dropped;
    internal uint DeviceDropped;

    /// <summary>Asks libpcap; false where the device is gone.</summary>
    internal static bool TryRead(LibPcapLiveDevice device, out PcapStatistics statistics) => pcap_stats(device.Handle, out statistics) == 0;

    // The library that SharpPcap has loaded.
    [LibraryImport("libpcap.so.0.8")]
    private static partial int pcap_stats(PcapHandle handle, out PcapStatistics statistics);
}
