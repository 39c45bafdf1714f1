using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Enforce.Explaining;

/// <summary>How a person names connections: <c>ADDRESS-ADDRESS</c> in either order, one <c>ADDRESS</c> for all with that end, or the path of a unix socket.</summary>
/// <param name="One">An end.</param>
/// <param name="Other">The other end, null where only one was given.</param>
public sealed record ConnectionName(Endpoint One, Endpoint? Other)
{
    /// <summary>What <see cref="TryParse"/> expects, for messages.</summary>
    public const string Expected = "a process id, both ends of a connection such as 127.0.0.1:40312-127.0.0.1:5432 or [::1]:40312-[::1]:5432, one end such as 127.0.0.1:5432, or the path of a unix socket";

    /// <summary>Reads a name.</summary>
    public static bool TryParse(string text, out ConnectionName name)
    {
        ArgumentNullException.ThrowIfNull(text);
        name = new ConnectionName(Endpoint.None, null);
        if (text.Length == 0) return false;
        if (text[0] is '/' or '@') return Read(text, null, out name);
        int dash = text.IndexOf('-', StringComparison.Ordinal);
        return dash < 0 ? Read(text, null, out name) : Read(text[..dash], text[(dash + 1)..], out name);
    }

    /// <summary>Tells whether a socket is one end of such a connection.</summary>
    public bool Matches(SocketDescription socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        if (Other is null) return socket.Local == One || socket.Remote == One;
        return (socket.Local == One && socket.Remote == Other) || (socket.Local == Other && socket.Remote == One);
    }

    private static bool Read(string one, string? other, out ConnectionName name)
    {
        name = new ConnectionName(Endpoint.None, null);
        if (!Endpoint.TryParse(one, out Endpoint first) || first == Endpoint.None) return false;
        if (other is null)
        {
            name = new ConnectionName(first, null);
            return true;
        }

        if (!Endpoint.TryParse(other, out Endpoint second) || second == Endpoint.None) return false;
        name = new ConnectionName(first, second);
        return true;
    }
}
