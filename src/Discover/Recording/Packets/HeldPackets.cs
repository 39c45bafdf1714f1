using System.Buffers.Binary;

namespace VirtualServices.Discover.Recording.Packets;

/// <summary>Packets that wait until it is known whose they are, in the order in which they came. A ring of bytes: bounded, no allocation.</summary>
/// <param name="capacity">Bytes, a multiple of 8.</param>
internal sealed class HeldPackets(int capacity)
{
    private const int HeaderBytes = 32;
    private readonly byte[] _ring = new byte[capacity];
    private int _first, _next, _used;

    internal bool IsEmpty => _used == 0;

    /// <summary>Adds a packet; false where there is no room.</summary>
    internal bool TryAdd(HeldPacket packet, ReadOnlySpan<byte> data)
    {
        int needed = HeaderBytes + ((data.Length + 7) & ~7);
        int toEnd = _ring.Length - _next;
        int skipped = toEnd < needed ? toEnd : 0; // a packet lies in one piece
        if (_used + skipped + needed > _ring.Length) return false;
        if (toEnd < needed)
        {
            // All sizes are multiples of 8: where anything is left there is room for the mark.
            if (skipped > 0) BinaryPrimitives.WriteInt32LittleEndian(_ring.AsSpan(_next), -1);
            _next = 0;
            _used += skipped;
        }

        Span<byte> header = _ring.AsSpan(_next);
        BinaryPrimitives.WriteInt32LittleEndian(header, data.Length);
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], packet.WireBytes);
        BinaryPrimitives.WriteInt64LittleEndian(header[8..], packet.TimeNs);
        BinaryPrimitives.WriteInt64LittleEndian(header[16..], packet.ReadNs);
        BinaryPrimitives.WriteUInt32LittleEndian(header[24..], packet.NetworkNamespace);
        data.CopyTo(header[HeaderBytes..]);
        _next += needed;
        _used += needed;
        return true;
    }

    /// <summary>The oldest packet, left where it is; there must be one.</summary>
    internal HeldPacket Peek(out ReadOnlySpan<byte> data)
    {
        if (_first == _ring.Length || BinaryPrimitives.ReadInt32LittleEndian(_ring.AsSpan(_first)) < 0)
        {
            _used -= _ring.Length - _first;
            _first = 0;
        }

        ReadOnlySpan<byte> header = _ring.AsSpan(_first);
        data = header.Slice(HeaderBytes, BinaryPrimitives.ReadInt32LittleEndian(header));
        return new HeldPacket(
            BinaryPrimitives.ReadInt64LittleEndian(header[8..]),
            BinaryPrimitives.ReadInt64LittleEndian(header[16..]),
            BinaryPrimitives.ReadInt32LittleEndian(header[4..]),
            BinaryPrimitives.ReadUInt32LittleEndian(header[24..]));
    }

    /// <summary>Takes the packet away that was looked at last.</summary>
    internal void Remove()
    {
        int size = HeaderBytes + ((BinaryPrimitives.ReadInt32LittleEndian(_ring.AsSpan(_first)) + 7) & ~7);
        _first += size;
        _used -= size;
    }
}

/// <summary>What is known of a packet beside its bytes.</summary>
/// <param name="TimeNs">When it was captured, ns since 1970, UTC as of the session's start.</param>
/// <param name="ReadNs">When it was read, ns of CLOCK_MONOTONIC.</param>
/// <param name="WireBytes">Its length on the wire, from the IP header on.</param>
/// <param name="NetworkNamespace">Inode of the network namespace of the interface.</param>
internal readonly record struct HeldPacket(long TimeNs, long ReadNs, int WireBytes, uint NetworkNamespace);
