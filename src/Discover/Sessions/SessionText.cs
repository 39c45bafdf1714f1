using VirtualServices.Model;

namespace VirtualServices.Discover.Sessions;

/// <summary>How values are spelled in a session's files.</summary>
internal static class SessionText
{
    /// <summary>Reads an address; besides what <see cref="Endpoint.TryParse"/> knows, the relative path of a unix socket (<c>./x.sock</c>).</summary>
    internal static bool TryParseEndpoint(string text, out Endpoint end)
    {
        if (!text.StartsWith("./", StringComparison.Ordinal)) return Endpoint.TryParse(text, out end);
        end = new Endpoint(null, 0, text);
        return true;
    }
}
