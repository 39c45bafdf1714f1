using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace VirtualServices.Discover.Nettrace;

/// <summary>Takes fields from bytes, front to back. What is not there in full throws <see cref="FieldException"/> with the position; the reader turns it into a message with file and offset.</summary>
internal ref struct Fields(ReadOnlySpan<byte> bytes, int start = 0)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>Bytes taken so far, counted from the beginning of the block.</summary>
    internal int Position = start;

    internal readonly bool AtEnd => Position >= _bytes.Length;

    internal readonly int Left => _bytes.Length - Position;

    internal byte Byte()
    {
        ReadOnlySpan<byte> bytes = _bytes;
        int position = Position;
        if ((uint)position >= (uint)bytes.Length) return Take(1)[0];
        Position = position + 1;
        return bytes[position];
    }

    internal ushort UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    internal uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    internal ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ulong Varuint()
    {
        ReadOnlySpan<byte> bytes = _bytes;
        int position = Position;
        if ((uint)position >= (uint)bytes.Length || bytes[position] >= 0x80) return LongVaruint();
        Position = position + 1;
        return bytes[position];
    }

    private ulong LongVaruint()
    {
        int position = Position;
        if (!Varint.TryRead(_bytes, ref position, out ulong value)) throw new FieldException(Position, "expected an integer of variable length");
        Position = position;
        return value;
    }

    internal uint Varuint32()
    {
        int start = Position;
        ulong value = Varuint();
        return value <= uint.MaxValue ? (uint)value : throw new FieldException(start, "expected an integer of 32 bits");
    }

    /// <summary>A signed number that fits 32 bits.</summary>
    internal int Varint32()
    {
        int start = Position;
        long value = Varint.UnZigZag(Varuint());
        return value is >= int.MinValue and <= int.MaxValue ? (int)value : throw new FieldException(start, "expected an integer of 32 bits");
    }

    internal string String()
    {
        int start = Position;
        ulong length = Varuint();
        if (length > (ulong)Left) throw new FieldException(start, "expected a string that ends within its block");
        return Encoding.UTF8.GetString(Take((int)length));
    }

    /// <summary>UTF-16 up to two zero bytes, as it lies there. No address and no name is as long as is let pass: texts are kept, and must not fill the memory.</summary>
    internal ReadOnlySpan<char> Utf16()
    {
        const int MostCharacters = 4096;
        int start = Position;
        ReadOnlySpan<char> rest = MemoryMarshal.Cast<byte, char>(_bytes[start..]);
        int end = rest[..Math.Min(rest.Length, MostCharacters + 1)].IndexOf('\0');
        if (end < 0 && rest.Length > MostCharacters + 1) throw new FieldException(start, $"expected a text of at most {MostCharacters} characters");
        if (end < 0) throw new FieldException(start, "expected a text that ends with two zero bytes");
        Position = start + (end + 1) * sizeof(char);
        return rest[..end];
    }

    /// <summary>The same as a text; what is no character is replaced.</summary>
    internal string Utf16Text() => Encoding.Unicode.GetString(MemoryMarshal.AsBytes(Utf16()));

    /// <summary>A part of the given length; this reader moves behind it.</summary>
    internal Fields Part(int length)
    {
        int start = Position;
        Take(length);
        return new Fields(_bytes[..(start + length)], start);
    }

    internal ReadOnlySpan<byte> Take(int length)
    {
        if (length < 0 || length > Left) throw new FieldException(Position, $"expected {length} more bytes, the block has {Left}");
        ReadOnlySpan<byte> taken = _bytes.Slice(Position, length);
        Position += length;
        return taken;
    }
}

/// <summary>A field that is not there or not what it must be; never leaves this project.</summary>
internal sealed class FieldException(int position, string expected) : Exception(expected)
{
    /// <summary>Position within the block.</summary>
    internal int Position { get; } = position;
}
