using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace VirtualServices.Discover.Import.Pcap;

/// <summary>Names of hosts, from the answers of name servers that a capture holds (RFC 1035, section 4).</summary>
internal sealed class DnsNames
{
    private const int MostNames = 1 << 16, LongestName = 253, MostRecords = 256, Header = 12, Internet = 1, AddressRecord = 1, Address6Record = 28;
    private readonly Dictionary<IPAddress, string> _names = [];

    /// <summary>The name that was last asked for and gave this address, or null.</summary>
    internal string? Of(IPAddress address) => _names.GetValueOrDefault(address);

    /// <summary>Reads a message of port 53. What is cut or broken is left out.</summary>
    internal void Read(ReadOnlySpan<byte> message)
    {
        if (message.Length < Header || (message[2] & 0x80) == 0) return; // a question
        int questions = BinaryPrimitives.ReadUInt16BigEndian(message[4..]), answers = BinaryPrimitives.ReadUInt16BigEndian(message[6..]);
        if (questions != 1) return;
        int at = Header;
        if (!TryName(message, ref at, out string asked) || asked.Length == 0) return;
        at += 4;
        for (int i = 0; i < Math.Min(answers, MostRecords); i++)
        {
            if (!TryName(message, ref at, out _) || message.Length - at < 10) return;
            int type = BinaryPrimitives.ReadUInt16BigEndian(message[at..]), kind = BinaryPrimitives.ReadUInt16BigEndian(message[(at + 2)..]), length = BinaryPrimitives.ReadUInt16BigEndian(message[(at + 8)..]);
            at += 10;
            if (message.Length - at < length) return;
            // An alias is named as the client asked for it, so the question's name counts.
            if (kind == Internet && (type, length) is (AddressRecord, 4) or (Address6Record, 16) && _names.Count < MostNames) _names[new IPAddress(message.Slice(at, length))] = asked;
            at += length;
        }
    }

    private static bool TryName(ReadOnlySpan<byte> message, ref int at, out string name)
    {
        name = "";
        StringBuilder text = new();
        int place = at;
        bool jumped = false;
        for (int steps = 0; steps < 128; steps++) // pointers may run in a circle
        {
            if (place >= message.Length) return false;
            int length = message[place];
            if ((length & 0xC0) == 0xC0)
            {
                if (place + 1 >= message.Length) return false;
                if (!jumped) at = place + 2;
                jumped = true;
                place = ((length & 0x3F) << 8) | message[place + 1];
                continue;
            }

            if (length == 0)
            {
                if (!jumped) at = place + 1;
                name = text.ToString();
                return true;
            }

            if (length > 63 || place + 1 + length > message.Length || text.Length + length > LongestName) return false;
            if (text.Length > 0) text.Append('.');
            foreach (byte letter in message.Slice(place + 1, length)) text.Append(char.IsAsciiLetterOrDigit((char)letter) || letter is (byte)'-' or (byte)'_' ? char.ToLowerInvariant((char)letter) : '-');
            place += 1 + length;
        }

        return false;
    }
}
