using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace VirtualServices.Discover.Nettrace;

/// <summary>Where an event's next byte goes. Nothing is checked per number: whoever makes one makes sure once of room for all that is written, and of <see cref="Varint.MaximumBytes"/> more.</summary>
internal ref struct Cursor(Span<byte> room)
{
    private readonly ref byte _start = ref MemoryMarshal.GetReference(room);

    /// <summary>Bytes written so far.</summary>
    internal int Length { get; private set; }

    /// <summary>Leaves bytes to be set later; returns the place of the first.</summary>
    internal int Leave(int bytes)
    {
        int place = Length;
        Length += bytes;
        return place;
    }

    /// <summary>Sets a byte at a place that was passed.</summary>
    internal readonly void Set(int place, byte value) => Unsafe.Add(ref _start, place) = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Varuint(ulong value) => Length += Varint.Write(ref Unsafe.Add(ref _start, Length), value);

    /// <summary>UTF-16 with a zero at the end.</summary>
    internal void Text(string text)
    {
        const int MaximumCharacters = 256; // no address is longer: sun_path has 108 bytes; imports refuse longer names
        Span<byte> target = MemoryMarshal.CreateSpan(ref Unsafe.Add(ref _start, Length), (MaximumCharacters + 1) * sizeof(char));
        int length = Encoding.Unicode.GetBytes(text.AsSpan(0, Math.Min(text.Length, MaximumCharacters)), target);
        target[length] = 0;
        target[length + 1] = 0;
        Length += length + sizeof(char);
    }
}
