using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace VirtualServices.Model;

/// <summary>One end of a connection: <c>10.0.0.1:80</c>, <c>[::1]:80</c>, <c>/run/x.sock</c>, <c>@abstract</c>, or nothing.</summary>
/// <param name="Address">Null for unix sockets and unbound ends. An IPv4 address mapped into IPv6 is kept as IPv4, so that both ends of a connection compare equal.</param>
/// <param name="Port">0..65535; 0 where there is none.</param>
/// <param name="Path">Path of a unix socket, else empty.</param>
public sealed record Endpoint(IPAddress? Address, int Port, string Path)
{
    /// <summary>An end that is not bound or not known.</summary>
    public static readonly Endpoint None = new(null, 0, "");

    /// <summary>Makes an internet address, unmapping IPv4 in IPv6.</summary>
    public static Endpoint Inet(IPAddress address, int port)
    {
        ArgumentNullException.ThrowIfNull(address);
        return new Endpoint(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, port, "");
    }

    /// <summary>Reads the notation above; empty text gives <see cref="None"/>.</summary>
    public static bool TryParse(string text, out Endpoint address)
    {
        ArgumentNullException.ThrowIfNull(text);
        address = None;
        if (text.Length == 0) return true;
        if (text[0] is '/' or '@')
        {
            address = new Endpoint(null, 0, text);
            return true;
        }

        int colon = text.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port)) return false;
        ReadOnlySpan<char> host = text.AsSpan(0, colon);
        bool bracketed = host.Length > 2 && host[0] == '[' && host[^1] == ']';
        if (bracketed) host = host[1..^1];
        else if (TryParseIPv4(host, out uint four))
        {
            address = new Endpoint(new IPAddress(four), port, "");
            return true;
        }

        if (!IPAddress.TryParse(host, out IPAddress? ip) || bracketed != (ip.AddressFamily == AddressFamily.InterNetworkV6)) return false;
        address = Inet(ip, port);
        return true;
    }

    /// <summary>Four decimal numbers, as addresses are nearly always written: a session has two for each connection. What else an address may look like is left to <see cref="IPAddress"/>.</summary>
    private static bool TryParseIPv4(ReadOnlySpan<char> text, out uint address)
    {
        const int Parts = 4, MostDigits = 3;
        address = 0;
        int at = 0;
        for (int part = 0; part < Parts; part++)
        {
            int first = at, value = 0;
            for (; at < text.Length && at - first < MostDigits && char.IsAsciiDigit(text[at]); at++) value = value * 10 + (text[at] - '0');
            if (at == first || value > byte.MaxValue || (text[first] == '0' && at - first > 1)) return false; // a leading 0 makes it octal
            address |= (uint)value << (8 * part);
            if (part == Parts - 1) return at == text.Length;
            if (at == text.Length || text[at++] != '.') return false;
        }

        return false;
    }

    /// <summary>The same end. Compared and hashed by hand: tables of connections are searched by it for every connection of a session.</summary>
    public bool Equals(Endpoint? other) => ReferenceEquals(this, other) || (other is not null && Port == other.Port && Path == other.Path && Equals(Address, other.Address));

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Address, Port, Path.Length == 0 ? 0 : Path.GetHashCode(StringComparison.Ordinal));

    /// <inheritdoc/>
    public override string ToString()
    {
        if (Path.Length > 0) return Path;
        if (Address is null) return "";
        return Address.AddressFamily == AddressFamily.InterNetworkV6
            ? string.Create(CultureInfo.InvariantCulture, $"[{Address}]:{Port}")
            : string.Create(CultureInfo.InvariantCulture, $"{Address}:{Port}");
    }
}
