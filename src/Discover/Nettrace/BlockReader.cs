using System.Buffers.Binary;
using VirtualServices.Model;

namespace VirtualServices.Discover.Nettrace;

/// <summary>Reads a nettrace file block by block. A block that is not there in full ends the file as a cut does; bytes that cannot be a nettrace file are an error.</summary>
internal sealed class BlockReader : IDisposable
{
    private readonly Stream _stream;
    private readonly string _path;
    private byte[] _block = new byte[64 * 1024];
    private int _length;

    /// <summary>Reads the stream header. The stream is this reader's from now on.</summary>
    internal BlockReader(Stream stream, string path)
    {
        _stream = stream;
        _path = path;
        Span<byte> header = stackalloc byte[NettraceFormat.StreamHeaderBytes];
        int read = stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
        ReadOnlySpan<byte> magic = header[..Math.Min(read, NettraceFormat.Magic.Length)];
        if (!NettraceFormat.Magic.StartsWith(magic)) throw Bad(0, "expected a nettrace file, which begins with 'Nettrace'");
        if (read < header.Length)
        {
            Ended = true;
            return;
        }

        uint reserved = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
        uint major = BinaryPrimitives.ReadUInt32LittleEndian(header[12..]);
        if (reserved != 0 || major != NettraceFormat.MajorVersion) throw Bad(8, $"expected nettrace version {NettraceFormat.MajorVersion}, this is {(reserved != 0 ? "older" : $"version {major}")}");
        Offset = header.Length;
    }

    /// <summary>Offset of the current block's header in the file.</summary>
    internal long Offset { get; private set; }

    /// <summary>True after the last whole block, whether the file says so itself or was cut.</summary>
    internal bool Ended { get; private set; }

    /// <summary>The current block's contents.</summary>
    internal ReadOnlySpan<byte> Contents => _block.AsSpan(0, _length);

    /// <summary>Moves to the next block.</summary>
    /// <returns>False at the end of the file, of its whole blocks, or at its end mark.</returns>
    internal bool TryNext(out BlockKind kind)
    {
        kind = BlockKind.EndOfStream;
        if (Ended) return false;
        if (Started) Offset += NettraceFormat.BlockHeaderBytes + _length;
        Started = true;
        Ended = true;
        _length = 0;
        Span<byte> header = stackalloc byte[NettraceFormat.BlockHeaderBytes];
        if (_stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) < header.Length) return false;
        uint word = BinaryPrimitives.ReadUInt32LittleEndian(header);
        int length = (int)(word & NettraceFormat.MaximumBlockBytes);
        kind = (BlockKind)(word >> 24);
        if (kind == BlockKind.EndOfStream) return false;
        if (!TryFill(length)) return false;
        _length = length;
        Ended = false;
        return true;
    }

    /// <summary>An error at a place within the current block.</summary>
    internal VsException Bad(int position, string expected)
        => VsException.BadInput($"{_path}@{Offset + (Started ? NettraceFormat.BlockHeaderBytes : 0) + position}", expected);

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    private bool Started { get; set; }

    /// <summary>Grows with what is really there, not with what the header claims: a lie costs no memory.</summary>
    private bool TryFill(int length)
    {
        int filled = 0;
        while (filled < length)
        {
            if (filled == _block.Length) Array.Resize(ref _block, Math.Min(_block.Length * 4, NettraceFormat.MaximumBlockBytes));
            int read = _stream.Read(_block, filled, Math.Min(length, _block.Length) - filled);
            if (read == 0) return false;
            filled += read;
        }

        return true;
    }
}
