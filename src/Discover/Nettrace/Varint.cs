using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace VirtualServices.Discover.Nettrace;

/// <summary>Integers of variable length: 7 bits a byte, lowest first, as nettrace and protocol buffers have them.</summary>
internal static class Varint
{
    /// <summary>Longest encoding of 64 bits.</summary>
    internal const int MaximumBytes = 10;

    /// <summary>Writes a number; returns how many bytes. There must be room for <see cref="MaximumBytes"/>, of which more may change than it takes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int Write(ref byte target, ulong value)
    {
        if (value < 0x80)
        {
            target = (byte)value;
            return 1;
        }

        if (!Bmi2.X64.IsSupported) return WriteEach(ref target, value);
        // Seven bits into each byte at once, and the top bit of all but the last. No call: around one, all that is in registers would be saved.
        const ulong More = 0x8080_8080_8080_8080;
        ulong word = Bmi2.X64.ParallelBitDeposit(value, ~More);
        if (value < 1UL << 56)
        {
            int last = BitOperations.Log2(word) & ~7;
            Unsafe.WriteUnaligned(ref target, word | Bmi2.X64.ZeroHighBits(More, (ulong)last));
            return (last >> 3) + 1;
        }

        uint rest = (uint)(value >> 56);
        Unsafe.WriteUnaligned(ref target, word | More);
        Unsafe.Add(ref target, sizeof(ulong)) = (byte)rest;
        Unsafe.Add(ref target, sizeof(ulong) + 1) = 1;
        return sizeof(ulong) + 1 + (int)(rest >> 7);
    }

    /// <summary>Makes small numbers of either sign short.</summary>
    internal static ulong ZigZag(long value) => (ulong)((value << 1) ^ (value >> 63));

    /// <summary>Undoes <see cref="ZigZag"/>.</summary>
    internal static long UnZigZag(ulong value) => (long)(value >> 1) ^ -(long)(value & 1);

    /// <summary>Reads a number at a position and moves it on.</summary>
    /// <returns>False where the bytes end before the number does, or it is longer than 64 bits.</returns>
    internal static bool TryRead(ReadOnlySpan<byte> source, ref int position, out ulong value)
    {
        value = 0;
        if (Bmi2.X64.IsSupported && position <= source.Length - sizeof(ulong))
        {
            // Up to eight bytes at once: the first byte without its top bit is the last one.
            ulong word = BinaryPrimitives.ReadUInt64LittleEndian(source[position..]);
            ulong ends = ~word & 0x8080_8080_8080_8080;
            if (ends != 0)
            {
                ulong used = ends ^ (ends - 1); // all bits up to the lowest end
                value = Bmi2.X64.ParallelBitExtract(word & used, 0x7f7f_7f7f_7f7f_7f7f);
                position += (BitOperations.TrailingZeroCount(ends) >> 3) + 1;
                return true;
            }
        }

        for (int shift = 0; shift < 64; shift += 7)
        {
            if ((uint)position >= (uint)source.Length) return false;
            byte next = source[position++];
            if (shift == 63 && next > 1) return false;
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80) return true;
        }

        return false;
    }

    private static int WriteEach(ref byte target, ulong value)
    {
        int length = 0;
        while (value >= 0x80)
        {
            Unsafe.Add(ref target, length++) = (byte)(value | 0x80);
            value >>= 7;
        }

        Unsafe.Add(ref target, length++) = (byte)value;
        return length;
    }
}
