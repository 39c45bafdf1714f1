using System.Buffers.Binary;
using VirtualServices.Model;

namespace VirtualServices.Discover.Packets;

/// <summary>Writes a pcap file with nanoseconds and IP headers only (link type raw). What was flushed can be read whatever happens afterwards. No allocation per packet. One thread only.</summary>
internal sealed class PcapWriter : IDisposable
{
    private const int BufferBytes = 64 * 1024;

    private readonly Stream _stream;
    private readonly string _fate;
    private readonly byte[] _buffer = new byte[BufferBytes + PcapFormat.PacketHeaderBytes + PcapFormat.MostPacketBytes];
    private int _length;

    /// <param name="stream">Where to; this writer's from now on.</param>
    /// <param name="mostBytes">Most bytes that are kept of a packet.</param>
    /// <param name="fate">What becomes of the session where writing fails, and what helps, for the message.</param>
    internal PcapWriter(Stream stream, int mostBytes, string fate)
    {
        _stream = stream;
        _fate = fate;
        Span<byte> header = _buffer;
        BinaryPrimitives.WriteUInt32LittleEndian(header, PcapFormat.NanosecondMagic);
        BinaryPrimitives.WriteUInt16LittleEndian(header[4..], PcapFormat.MajorVersion);
        BinaryPrimitives.WriteUInt16LittleEndian(header[6..], PcapFormat.MinorVersion);
        BinaryPrimitives.WriteInt32LittleEndian(header[16..], mostBytes);
        BinaryPrimitives.WriteInt32LittleEndian(header[20..], (int)LinkType.Raw);
        _length = PcapFormat.FileHeaderBytes;
        Flush();
    }

    /// <summary>Packets written.</summary>
    internal long Packets { get; private set; }

    /// <summary>Bytes handed to the stream.</summary>
    internal long Bytes { get; private set; }

    /// <summary>Writes a packet.</summary>
    /// <param name="timeNs">ns since 1970, UTC; 0 and above.</param>
    /// <param name="data">From the IP header on.</param>
    /// <param name="wireBytes">Its length on the wire, from the IP header on.</param>
    internal void Write(long timeNs, ReadOnlySpan<byte> data, int wireBytes)
    {
        const long Second = 1_000_000_000;
        Span<byte> header = _buffer.AsSpan(_length);
        BinaryPrimitives.WriteUInt32LittleEndian(header, (uint)(timeNs / Second));
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], (uint)(timeNs % Second));
        BinaryPrimitives.WriteInt32LittleEndian(header[8..], data.Length);
        BinaryPrimitives.WriteInt32LittleEndian(header[12..], wireBytes);
        data.CopyTo(header[PcapFormat.PacketHeaderBytes..]);
        _length += PcapFormat.PacketHeaderBytes + data.Length;
        Packets++;
        if (_length >= BufferBytes) Flush();
    }

    /// <summary>Hands what is buffered to the kernel.</summary>
    internal void Flush()
    {
        try
        {
            _stream.Write(_buffer, 0, _length);
        }
        catch (Exception error) when (error is IOException or ArgumentOutOfRangeException) // the latter is what .NET makes of EFBIG, a limit of the size of files
        {
            throw new VsException(ExitCode.HostLacks, $"cannot write the session's packets: {error.Message.TrimEnd('.')}. {_fate}", error);
        }

        Bytes += _length;
        _length = 0;
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();
}
