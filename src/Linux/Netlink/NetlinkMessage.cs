using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace VirtualServices.Linux.Netlink;

/// <summary>Builds one netlink message: header, a fixed struct, then attributes, each padded to 4 bytes (netlink(7)).</summary>
internal sealed class NetlinkMessage
{
    public const int HeaderBytes = 16;

    private byte[] _bytes = new byte[256];

    /// <summary>Begins a message.</summary>
    /// <param name="type">Such as RTM_NEWQDISC.</param>
    /// <param name="flags">NLM_F_* beside NLM_F_REQUEST, which is always set.</param>
    public NetlinkMessage(ushort type, ushort flags)
    {
        const ushort Request = 1;
        Length = HeaderBytes;
        BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(4), type);
        BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(6), (ushort)(flags | Request));
    }

    /// <summary>Bytes so far.</summary>
    public int Length { get; private set; }

    /// <summary>Appends a struct of the kernel.</summary>
    public NetlinkMessage Struct<T>(in T value)
        where T : unmanaged
    {
        MemoryMarshal.Write(Room(Marshal.SizeOf<T>()), in value);
        return this;
    }

    /// <summary>Appends an attribute that holds a struct or a number.</summary>
    public NetlinkMessage Attribute<T>(ushort type, in T value)
        where T : unmanaged
    {
        MemoryMarshal.Write(Value(type, Marshal.SizeOf<T>()), in value);
        return this;
    }

    /// <summary>Appends an attribute that holds text with its zero.</summary>
    public NetlinkMessage Attribute(ushort type, string text)
    {
        Encoding.UTF8.GetBytes(text, Value(type, Encoding.UTF8.GetByteCount(text) + 1));
        return this;
    }

    /// <summary>Appends an attribute that holds other attributes.</summary>
    public NetlinkMessage Nest(ushort type, Action<NetlinkMessage> inner)
    {
        int start = Length;
        Room(4);
        inner(this);
        BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(start), (ushort)(Length - start));
        BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(start + 2), type);
        return this;
    }

    /// <summary>The finished message.</summary>
    public ReadOnlySpan<byte> Finish(uint sequence)
    {
        BinaryPrimitives.WriteInt32LittleEndian(_bytes, Length);
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(8), sequence);
        return _bytes.AsSpan(0, Length);
    }

    private Span<byte> Value(ushort type, int size)
    {
        Span<byte> header = Room(4);
        BinaryPrimitives.WriteUInt16LittleEndian(header, (ushort)(size + 4));
        BinaryPrimitives.WriteUInt16LittleEndian(header[2..], type);
        return Room(size);
    }

    private Span<byte> Room(int size)
    {
        int padded = (size + 3) & ~3;
        if (Length + padded > _bytes.Length) Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Length + padded));
        Span<byte> room = _bytes.AsSpan(Length, size);
        Length += padded;
        return room;
    }
}
