using CsCheck;
using SharpPcap;
using SharpPcap.LibPcap;
using VirtualServices.Discover.Packets;
using VirtualServices.Discover.Recording.Packets;
using VirtualServices.Model;

namespace VirtualServices.Discover.Tests;

public sealed class PacketFileTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Libpcap_reads_what_is_written_to_the_nanosecond()
    {
        using (PcapWriter writer = new(new FileStream(_path, FileMode.Create), PcapFormat.MostPacketBytes, ""))
        {
            writer.Write(1_700_000_000_123_456_789, [0x45, 1, 2], 1500);
            writer.Write(4_000_000_000_999_999_999, [], 0);
            for (int i = 0; i < 1000; i++) writer.Write(i, new byte[1000], 1000); // more than the buffer
            Assert.Equal(1002, writer.Packets);
            writer.Flush();
            Assert.Equal(new FileInfo(_path).Length, writer.Bytes);
        }

        using CaptureFileReaderDevice file = new(_path);
        file.Open(new DeviceConfiguration { TimestampResolution = TimestampResolution.Nanosecond });
        Assert.Equal((int)LinkType.RawBsd, (int)file.LinkType); // as libpcap calls it
        Assert.Equal(1, CapturedPacket.Read(file, out CapturedPacket packet));
        Assert.Equal((1_700_000_000_123_456_789, 1500, "450102"), (packet.TimeNs, packet.WireBytes, Convert.ToHexString(packet.Data)));
        Assert.Equal(1, CapturedPacket.Read(file, out packet));
        Assert.Equal((4_000_000_000_999_999_999, 0, 0), (packet.TimeNs, packet.WireBytes, packet.Data.Length));
        for (int i = 0; i < 1000; i++) Assert.Equal(1, CapturedPacket.Read(file, out packet));
        Assert.Equal((999, 1000), (packet.TimeNs, packet.Data.Length));
        Assert.Equal(-2, CapturedPacket.Read(file, out _)); // the end
    }

    [Fact]
    public void A_full_disk_is_told_with_what_helps()
    {
        VsException error = Assert.Throws<VsException>(() => new PcapWriter(new FileStream("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, 0), 100, "Free space."));
        Assert.Equal(ExitCode.HostLacks, error.ExitCode);
        Assert.StartsWith("cannot write the session's packets: No space left on device", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("Free space.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Held_packets_come_out_as_they_went_in_and_memory_stays_as_it_is() => Gen.Int[-3, 90].Array[0, 300].Sample(
        steps =>
        {
            const int Capacity = 512;
            HeldPackets held = new(Capacity);
            Queue<(HeldPacket Packet, byte[] Data)> expected = [];
            int number = 0, used = 0;
            foreach (int step in steps)
            {
                if (step >= 0)
                {
                    byte[] data = [.. Enumerable.Repeat((byte)++number, step)];
                    HeldPacket packet = new(number * 3L, number * 5L, number * 7, (uint)number);
                    if (held.TryAdd(packet, data))
                    {
                        expected.Enqueue((packet, data));
                        used += step;
                        Assert.InRange(used, 0, Capacity);
                    }
                    else
                    {
                        Assert.NotEmpty(expected); // an empty ring takes a packet that fits
                    }

                    continue;
                }

                if (expected.Count == 0) continue;
                (HeldPacket first, byte[] bytes) = expected.Dequeue();
                Assert.Equal(first, held.Peek(out ReadOnlySpan<byte> found));
                Assert.Equal(bytes, found.ToArray());
                held.Remove();
                used -= bytes.Length;
                Assert.Equal(expected.Count == 0, held.IsEmpty);
            }
        },
        iter: 2000);
}
