using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SharpPcap;
using SharpPcap.LibPcap;
using VirtualServices.Discover.Packets;
using VirtualServices.Linux.Files;
using VirtualServices.Model;

namespace VirtualServices.Discover.Import.Pcap;

/// <summary>Packets of a capture file (pcap or pcapng, told by its first bytes), read with libpcap as a stream.</summary>
internal sealed unsafe class PacketFile : IDisposable
{
    private const int EndOfFile = -2;
    private readonly CaptureFileReaderDevice _device;
    private readonly string _path;
    private byte* _data;
    private int _captured;

    private PacketFile(string path, CaptureFileReaderDevice device)
    {
        _path = path;
        _device = device;
    }

    /// <summary>Number of the packet read last, from 1.</summary>
    internal long Number { get; private set; }

    /// <summary>Time of that packet, ns since 1970.</summary>
    internal long TimeNs { get; private set; }

    /// <summary>Its length on the wire.</summary>
    internal int WireBytes { get; private set; }

    /// <summary>What was captured of it; valid until the next one is read.</summary>
    internal ReadOnlySpan<byte> Data => new(_data, _captured);

    internal LinkType Link => (LinkType)_device.LinkType;

    /// <summary>The file ended within a packet.</summary>
    internal bool Cut { get; private set; }

    /// <exception cref="VsException">It cannot be read, or is no capture file.</exception>
    internal static PacketFile Open(string path)
    {
        if (path == "-") throw new VsException(ExitCode.Usage, "vs import pcap reads its files twice, which standard input does not allow: write it to a file first");
        if (Directory.Exists(path)) throw VsException.BadInput(path, "expected a file, this is a folder");
        if (FileId.Of(path) is { IsRegular: false }) throw VsException.BadInput(path, "expected a regular file: a capture is not read from a pipe");
        CaptureFileReaderDevice? device = null;
        try
        {
            using (FileStream file = File.OpenRead(path))
                if (file.ReadByte() == 0x1F && file.ReadByte() == 0x8B) throw VsException.BadInput(path, "expected a capture, this is compressed: gunzip it first");
            device = new CaptureFileReaderDevice(path);
            device.Open(new DeviceConfiguration { TimestampResolution = TimestampResolution.Nanosecond });
            return new PacketFile(path, device);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new VsException(ExitCode.Permission, $"cannot read '{path}': {error.Message}", error);
        }
        catch (Exception error) when (error is DllNotFoundException or PlatformNotSupportedException) // the latter is what SharpPcap makes of it
        {
            throw new VsException(ExitCode.HostLacks, "reading captures needs libpcap: apt-get install libpcap0.8", error);
        }
        catch (Exception error) when (error is PcapException or IOException)
        {
            device?.Dispose();
            throw VsException.BadInput(path, $"expected a capture (pcap or pcapng): {error.Message.Trim()}", error);
        }
    }

    /// <summary>Reads the next packet; false at the end, or where the file was cut.</summary>
    /// <exception cref="VsException">What follows is no packet (exit code 3, with its number).</exception>
    internal bool MoveNext()
    {
        int result = CapturedPacket.Read(_device, out CapturedPacket packet);
        if (result == 1)
        {
            Number++;
            TimeNs = packet.TimeNs;
            WireBytes = packet.WireBytes;
            _data = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(packet.Data)); // libpcap's memory, which does not move
            _captured = packet.Data.Length;
            return true;
        }

        if (result == EndOfFile) return false;
        string said = _device.LastError.Trim();
        Cut = said.StartsWith("truncated", StringComparison.Ordinal);
        return Cut ? false : throw Bad($"expected a packet: {said}", 1);
    }

    /// <summary>An error at the packet read last, or so many behind it.</summary>
    internal VsException Bad(string expected, int behind = 0, Exception? inner = null) =>
        VsException.BadInput(string.Create(CultureInfo.InvariantCulture, $"{_path}: packet {Number + behind}"), expected, inner);

    /// <inheritdoc/>
    public void Dispose() => _device.Dispose();
}
