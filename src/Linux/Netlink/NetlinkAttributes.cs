using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace VirtualServices.Linux.Netlink;

/// <summary>Finds attributes in what the kernel sent. Attributes that are cut end the search: nothing beyond the message is ever read.</summary>
internal static class NetlinkAttributes
{
    private const int TypeMask = 0x3fff; // without NLA_F_NESTED and NLA_F_NET_BYTEORDER

    /// <summary>Value of the first attribute of a type; empty where there is none.</summary>
    public static ReadOnlySpan<byte> Find(ReadOnlySpan<byte> attributes, int type)
    {
        while (attributes.Length >= 4)
        {
            int size = BinaryPrimitives.ReadUInt16LittleEndian(attributes);
            if (size < 4 || size > attributes.Length) break;
            if ((BinaryPrimitives.ReadUInt16LittleEndian(attributes[2..]) & TypeMask) == type) return attributes[4..size];
            attributes = attributes[Math.Min((size + 3) & ~3, attributes.Length)..];
        }

        return default;
    }

    /// <summary>Text up to its zero.</summary>
    public static string Text(ReadOnlySpan<byte> value)
    {
        int end = value.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? value : value[..end]);
    }

    /// <summary>A struct or number; the default where the value is shorter.</summary>
    public static T Read<T>(ReadOnlySpan<byte> value)
        where T : unmanaged => value.Length < Marshal.SizeOf<T>() ? default : MemoryMarshal.Read<T>(value);
}
