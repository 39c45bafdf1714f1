using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace VirtualServices.Discover.Nettrace;

/// <summary>A block while it is being filled: the header's place is kept free, the buffer grows where needed and is used again.</summary>
internal sealed class BlockBuffer(BlockKind kind, int capacity)
{
    private byte[] _bytes = new byte[capacity];

    /// <summary>Bytes after the block's header.</summary>
    internal int Length { get; private set; }

    internal bool IsEmpty => Length == 0;

    internal void Clear() => Length = 0;

    /// <summary>The whole block with its header.</summary>
    internal ReadOnlySpan<byte> Finish()
    {
        if (Length > NettraceFormat.MaximumBlockBytes) throw new InvalidOperationException($"a block of {Length} bytes does not fit its header");
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes, (uint)Length | (uint)kind << 24);
        return _bytes.AsSpan(0, NettraceFormat.BlockHeaderBytes + Length);
    }

    /// <summary>Room for so many bytes more, not yet taken.</summary>
    internal Span<byte> Room(int bytes)
    {
        int start = NettraceFormat.BlockHeaderBytes + Length;
        if (_bytes.Length - start < bytes) Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, start + bytes));
        return _bytes.AsSpan(start);
    }

    internal void Take(int bytes) => Length += bytes;

    /// <summary>Bytes already written, for fields that are known only at the end.</summary>
    internal Span<byte> At(int position) => _bytes.AsSpan(NettraceFormat.BlockHeaderBytes + position);

    internal void Byte(byte value)
    {
        Room(1)[0] = value;
        Take(1);
    }

    internal void UInt16(ushort value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(Room(2), value);
        Take(2);
    }

    internal void UInt32(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(Room(4), value);
        Take(4);
    }

    internal void UInt64(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(Room(8), value);
        Take(8);
    }

    internal void Varuint(ulong value) => Take(Varint.Write(ref MemoryMarshal.GetReference(Room(Varint.MaximumBytes)), value));

    /// <summary>A string of the format: length, then UTF-8.</summary>
    internal void String(string text)
    {
        int length = Encoding.UTF8.GetByteCount(text);
        Varuint((ulong)length);
        Take(Encoding.UTF8.GetBytes(text, Room(length)));
    }

    /// <summary>Begins a part that starts with its own length in two bytes.</summary>
    internal int BeginSized()
    {
        UInt16(0);
        return Length;
    }

    /// <summary>Ends the part.</summary>
    internal void EndSized(int start) => BinaryPrimitives.WriteUInt16LittleEndian(At(start - 2), checked((ushort)(Length - start)));
}
