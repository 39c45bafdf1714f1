using System.Runtime.InteropServices;
using SharpPcap.LibPcap;

namespace VirtualServices.Discover.Packets;

/// <summary>A packet as libpcap hands it over; valid until the next one is read.</summary>
internal readonly ref struct CapturedPacket
{
    private const long SecondNs = 1_000_000_000;

    /// <summary>The last time that a pcap file can hold.</summary>
    private const long LastSecond = uint.MaxValue;

    /// <summary>ns since 1970, UTC. What no calendar has is moved to the nearest that one has.</summary>
    internal long TimeNs { get; private init; }

    internal ReadOnlySpan<byte> Data { get; private init; }

    /// <summary>Its length on the wire.</summary>
    internal int WireBytes { get; private init; }

    /// <summary>Reads the next packet of a device or file that was opened with nanoseconds. No allocation.</summary>
    /// <returns>1: there is one; 0: none now; below: what pcap_next_ex says, -2 for the end of a file.</returns>
    internal static unsafe int Read(PcapDevice device, out CapturedPacket packet)
    {
        nint header = 0, data = 0;
        int result = device.GetNextPacketPointers(ref header, ref data);
        packet = default;
        if (result != 1) return result;
        ref readonly PcapPacketHeader head = ref *(PcapPacketHeader*)header;

        // libpcap takes the 32 bits of a pcap file for signed: from 2038 on they are below 0.
        long seconds = head.Seconds is < 0 and >= int.MinValue ? (uint)head.Seconds : head.Seconds;
        packet = new CapturedPacket
        {
            TimeNs = (Math.Clamp(seconds, 0, LastSecond) * SecondNs) + Math.Clamp(head.Nanoseconds, 0, SecondNs - 1),
            Data = new ReadOnlySpan<byte>((void*)data, (int)head.Captured),
            WireBytes = (int)Math.Min(head.Wire, int.MaxValue),
        };
        return result;
    }

    /// <summary><c>struct pcap_pkthdr</c> of pcap.h where long has 64 bits.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct PcapPacketHeader
    {
        internal readonly long Seconds;
        internal readonly long Nanoseconds;
        internal readonly uint Captured;
        internal readonly uint Wire;
    }
}
