using System.Globalization;
using System.Net;
using VirtualServices.Discover.Import.Calls;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model;

namespace VirtualServices.Discover.Import.Strace;

/// <summary>Values inside arguments: descriptors with their labels, addresses, flags.</summary>
internal static class StraceValues
{
    /// <summary>A descriptor and what stands behind it in angle brackets.</summary>
    internal static bool TryDescriptor(ReadOnlySpan<char> text, out int fd, out SocketLabel label)
    {
        label = SocketLabel.None;
        int open = text.IndexOf('<');
        if (!int.TryParse(open < 0 ? text : text[..open], NumberStyles.None, CultureInfo.InvariantCulture, out fd)) return false;
        if (open >= 0 && text[^1] == '>') label = LabelOf(text[(open + 1)..^1]);
        return true;
    }

    /// <summary><c>TCP:[127.0.0.1:1-&gt;127.0.0.1:2]</c>, <c>TCP:[4711]</c>, <c>UDPv6:[[::1]:53]</c>, <c>UNIX-STREAM:[1-&gt;2,"/run/x"]</c>, <c>socket:[4711]</c>, <c>pipe:[1]</c>; anything else is no socket.</summary>
    internal static SocketLabel LabelOf(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty) return SocketLabel.None;
        int colon = text.IndexOf(":[");
        if (colon < 0 || text[^1] != ']' || text[0] == '/') return SocketLabel.Other;
        ReadOnlySpan<char> inside = text[(colon + 2)..^1];
        TransportProtocol protocol;
        switch (text[..colon])
        {
            case "TCP" or "TCPv6":
                protocol = TransportProtocol.Tcp;
                break;
            case "UDP" or "UDPv6":
                protocol = TransportProtocol.Udp;
                break;
            case "UNIX" or "UNIX-STREAM" or "UNIX-DGRAM" or "UNIX-SEQPACKET":
                return Unix(inside);
            case "socket":
                return Named(TransportProtocol.None, inside);
            case "pipe":
                return Named(TransportProtocol.Pipe, inside);
            default:
                return SocketLabel.Other;
        }

        int arrow = inside.IndexOf("->");
        Endpoint remote = Endpoint.None;
        if (ulong.TryParse(inside, NumberStyles.None, CultureInfo.InvariantCulture, out ulong inode)) return new SocketLabel(LabelKind.Socket, protocol, Endpoint.None, Endpoint.None, inode, 0);
        if (!Endpoint.TryParse((arrow < 0 ? inside : inside[..arrow]).ToString(), out Endpoint local) || (arrow >= 0 && !Endpoint.TryParse(inside[(arrow + 2)..].ToString(), out remote))) return Bare(protocol);
        return new SocketLabel(LabelKind.Socket, protocol, local, remote, 0, 0);
    }

    /// <summary>The first address of an argument (<c>{sa_family=AF_INET, sin_port=htons(80), ...}</c>), or none.</summary>
    internal static Endpoint AddressIn(ReadOnlySpan<char> text)
    {
        int at = Quote.Find(text, "sa_family=");
        return at < 0 ? Endpoint.None : AddressAt(text[(at + "sa_family=".Length)..]);
    }

    /// <summary>Reads what stands behind <c>sa_family=</c>.</summary>
    internal static Endpoint AddressAt(ReadOnlySpan<char> text)
    {
        if (text.StartsWith("AF_UNIX") || text.StartsWith("AF_LOCAL")) return UnixPath(text);
        bool six = text.StartsWith("AF_INET6");
        if (!six && !text.StartsWith("AF_INET,")) return Endpoint.None;
        ReadOnlySpan<char> address = Behind(text, six ? "\"" : "inet_addr(\"");
        ReadOnlySpan<char> port = Behind(text, "htons(");
        int quote = address.IndexOf('"'), bracket = port.IndexOf(')');
        if (quote <= 0 || bracket <= 0 || !ushort.TryParse(port[..bracket], NumberStyles.None, CultureInfo.InvariantCulture, out ushort number) || !IPAddress.TryParse(address[..quote], out IPAddress? ip)) return Endpoint.None;
        return number == 0 && (ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any)) ? Endpoint.None : Endpoint.Inet(ip, number);
    }

    /// <summary>A number that stands behind a word outside quotes, or -1.</summary>
    internal static long NumberBehind(ReadOnlySpan<char> text, ReadOnlySpan<char> word, int from, out int next)
    {
        int at = Quote.Find(text, word, from);
        next = text.Length;
        if (at < 0) return -1;
        int start = at + word.Length, end = start;
        while (end < text.Length && char.IsAsciiDigit(text[end])) end++;
        next = end;
        return long.TryParse(text[start..end], NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : -1;
    }

    /// <summary>The text of an argument in quotes.</summary>
    internal static string Quoted(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty || text[0] != '"') return "";
        int end = Quote.End(text, 0);
        return end < 0 ? "" : text[1..end].ToString();
    }

    private static SocketLabel Unix(ReadOnlySpan<char> inside)
    {
        int comma = inside.IndexOf(',');
        ReadOnlySpan<char> inodes = comma < 0 ? inside : inside[..comma];
        Endpoint local = comma < 0 ? Endpoint.None : PathIn(inside[(comma + 1)..]);
        int arrow = inodes.IndexOf("->");
        ulong peer = 0;
        if (!ulong.TryParse(arrow < 0 ? inodes : inodes[..arrow], NumberStyles.None, CultureInfo.InvariantCulture, out ulong inode)) return Bare(TransportProtocol.Unix);
        if (arrow >= 0 && !ulong.TryParse(inodes[(arrow + 2)..], NumberStyles.None, CultureInfo.InvariantCulture, out peer)) return Bare(TransportProtocol.Unix);
        return new SocketLabel(LabelKind.Socket, TransportProtocol.Unix, local, Endpoint.None, inode, peer);
    }

    private static SocketLabel Named(TransportProtocol protocol, ReadOnlySpan<char> inode)
        => new(LabelKind.Socket, protocol, Endpoint.None, Endpoint.None, ulong.TryParse(inode, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) ? number : 0, 0);

    private static SocketLabel Bare(TransportProtocol protocol) => new(LabelKind.Socket, protocol, Endpoint.None, Endpoint.None, 0, 0);

    private static Endpoint UnixPath(ReadOnlySpan<char> text)
    {
        ReadOnlySpan<char> path = Behind(text, "sun_path=");
        return path.IsEmpty ? Endpoint.None : PathIn(path);
    }

    /// <summary><c>"/run/x"</c> or <c>@"abstract"</c>.</summary>
    private static Endpoint PathIn(ReadOnlySpan<char> text)
    {
        bool isAbstract = text.StartsWith("@");
        string path = Quoted(isAbstract ? text[1..] : text);
        if (path.Length is 0 or > 108) return Endpoint.None;
        return SessionText.TryParseEndpoint(isAbstract ? "@" + path : path, out Endpoint end) ? end : Endpoint.None;
    }

    private static ReadOnlySpan<char> Behind(ReadOnlySpan<char> text, ReadOnlySpan<char> word)
    {
        int at = text.IndexOf(word);
        return at < 0 ? [] : text[(at + word.Length)..];
    }
}
