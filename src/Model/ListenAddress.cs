using System.Globalization;
using System.Net;

namespace VirtualServices.Model;

/// <summary>Where a service is asked: <c>tcp/5432</c>, <c>tcp/127.0.0.1:5432</c>, <c>tcp/[::1]:5432</c>, <c>udp/53</c>, <c>unix//run/x.sock</c>, <c>unix/@abstract</c>.</summary>
/// <param name="Protocol">TCP, UDP or unix.</param>
/// <param name="Address">The address, or null for all addresses of the host; always null for unix.</param>
/// <param name="Port">1..65535; 0 for unix.</param>
/// <param name="Path">Path of a unix socket (a leading '@' means the abstract name space); empty otherwise.</param>
public sealed record ListenAddress(TransportProtocol Protocol, IPAddress? Address, int Port, string Path)
{
    // sun_path in include/uapi/linux/un.h.
    private const int LongestPath = 108;

    /// <summary>Reads the notation above.</summary>
    public static bool TryParse(string text, out ListenAddress address)
    {
        ArgumentNullException.ThrowIfNull(text);
        address = new ListenAddress(TransportProtocol.None, null, 0, "");
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0) return false;
        string rest = text[(slash + 1)..];
        switch (text[..slash])
        {
            case "unix":
                if (rest.Length < 2 || (rest[0] != '/' && rest[0] != '@') || System.Text.Encoding.UTF8.GetByteCount(rest) > LongestPath) return false;
                address = new ListenAddress(TransportProtocol.Unix, null, 0, rest);
                return true;
            case "tcp":
                return TryParseInet(TransportProtocol.Tcp, rest, out address);
            case "udp":
                return TryParseInet(TransportProtocol.Udp, rest, out address);
            default:
                return false;
        }
    }

    /// <summary>Tells whether a socket bound to the given address listens here.</summary>
    public bool Matches(TransportProtocol protocol, Endpoint local)
    {
        ArgumentNullException.ThrowIfNull(local);
        if (protocol != Protocol) return false;
        if (Protocol == TransportProtocol.Unix) return local.Path == Path;
        return local.Port == Port && (Address is null || Address.Equals(local.Address));
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        string keyword = Protocol switch { TransportProtocol.Tcp => "tcp", TransportProtocol.Udp => "udp", _ => "unix" };
        if (Protocol == TransportProtocol.Unix) return $"{keyword}/{Path}";
        return Address is null
            ? string.Create(CultureInfo.InvariantCulture, $"{keyword}/{Port}")
            : $"{keyword}/{new Endpoint(Address, Port, "")}";
    }

    private static bool TryParseInet(TransportProtocol protocol, string rest, out ListenAddress address)
    {
        address = new ListenAddress(protocol, null, 0, "");
        if (ushort.TryParse(rest, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
        {
            address = address with { Port = port };
            return port > 0;
        }

        if (!Endpoint.TryParse(rest, out Endpoint parsed) || parsed.Address is null || parsed.Port == 0) return false;
        address = address with { Address = parsed.Address, Port = parsed.Port };
        return true;
    }
}
