using PacketDotNet;
using SharpPcap;
using SharpPcap.LibPcap;
using VirtualServices.Model;

namespace VirtualServices.Discover.Import.Pcap;

/// <summary>Packets of a capture file (pcap or pcapng), read with libpcap.</summary>
internal sealed class PacketFile : IDisposable
{
    private readonly CaptureFileReaderDevice _device;
    private readonly string _path;

    private PacketFile(string path)
    {
        _path = path;
        _device = new CaptureFileReaderDevice(path);
        _device.Open(new DeviceConfiguration { TimestampResolution = TimestampResolution.Nanosecond });
    }

    /// <summary>Number of the packet read last, from 1.</summary>
    internal long Number { get; private set; }

    /// <summary>Time of the packet, ns since 1970.</summary>
    internal long TimeNs { get; private set; }

    /// <summary>The file ended within a packet.</summary>
    internal bool Cut { get; private set; }

    internal LinkLayers LinkType { get; private set; }

    /// <exception cref="VsException">It is no capture file.</exception>
    internal static PacketFile Open(string path)
    {
        try
        {
            using (File.OpenRead(path))
            {
            }

            return new PacketFile(path);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new VsException(ExitCode.Permission, $"cannot read '{path}': {error.Message}", error);
        }
        catch (DllNotFoundException error)
        {
            throw new VsException(ExitCode.HostLacks, "reading captures needs libpcap: apt-get install libpcap0.8", error);
        }
        catch (Exception error) when (error is PcapException or IOException or ArgumentException)
        {
            throw VsException.BadInput(path, $"expected a capture (pcap or pcapng): {error.Message.Trim()}", error);
        }
    }

    /// <summary>Reads the next packet; false at the end, or where the rest cannot be read.</summary>
    internal bool TryRead(out ReadOnlySpan<byte> data)
    {
        data = [];
        GetPacketStatus status = _device.GetNextPacket(out PacketCapture packet);
        if (status != GetPacketStatus.PacketRead)
        {
            Cut = status != GetPacketStatus.NoRemainingPackets;
            if (Cut && Number == 0) throw VsException.BadInput(_path, $"expected packets: {_device.LastError}");
            return false;
        }

        Number++;
        data = packet.Data;
        LinkType = _device.LinkType;
        TimeNs = (long)Math.Clamp(packet.Header.Timeval.Value * 1_000_000_000m, 0, long.MaxValue / 2);
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => _device.Dispose();
}
