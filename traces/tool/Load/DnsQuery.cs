using System.Buffers.Binary;
using System.Text;

namespace VirtualServices.Traces.Load;

/// <summary>Questions for one address (RFC 1035, section 4).</summary>
internal static class DnsQuery
{
    /// <summary>Zone of all names.</summary>
    public const string Zone = ".trace.test";

    /// <summary>Length of a message's head.</summary>
    public const int HeadBytes = 12;

    /// <summary>A question for the IPv4 address of a name, recursion desired.</summary>
    public static byte[] Make(ushort id, string name)
    {
        byte[] message = new byte[HeadBytes + name.Length + 2 + 4];
        BinaryPrimitives.WriteUInt16BigEndian(message, id);
        message[2] = 1;
        message[5] = 1;
        int at = HeadBytes;
        foreach (string label in name.Split('.'))
        {
            message[at++] = (byte)label.Length;
            at += Encoding.ASCII.GetBytes(label, message.AsSpan(at));
        }

        message[at + 2] = 1;
        message[at + 4] = 1;
        return message;
    }

    /// <summary>The answer to a question of one name: 127.0.0.1 for an hour.</summary>
    public static byte[] Answer(ReadOnlySpan<byte> query)
    {
        int end = HeadBytes;
        while (query[end] != 0) end += 1 + query[end];
        byte[] message = [.. query[..(end + 5)], 0xC0, HeadBytes, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 127, 0, 0, 1];
        message[2] = 0x84; // an answer, with authority
        message[3] = 0x80;
        message[7] = 1; // one record
        message.AsSpan(8, 4).Clear(); // none of the other kinds
        return message;
    }

    /// <summary>The name that is asked for, in small letters.</summary>
    public static string NameOf(ReadOnlySpan<byte> message)
    {
        StringBuilder name = new();
        for (int at = HeadBytes; at < message.Length && message[at] is > 0 and < 64 and var length && at + 1 + length <= message.Length; at += 1 + length)
            name.Append(name.Length > 0 ? "." : "").Append(Encoding.ASCII.GetString(message.Slice(at + 1, length)));
        return name.ToString().ToLowerInvariant();
    }
}
