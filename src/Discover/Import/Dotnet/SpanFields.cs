using System.Globalization;
using System.Net;
using VirtualServices.Model;

namespace VirtualServices.Discover.Import.Dotnet;

/// <summary>Ids and tags of a span as DiagnosticSourceEventSource writes them: texts of a few forms.</summary>
internal static class SpanFields
{
    /// <summary>Id of a span: <c>00-TRACE-SPAN-FLAGS</c> of W3C trace context, or the span's 16 digits alone.</summary>
    internal static bool TryId(ReadOnlySpan<char> text, out ulong id)
    {
        const int Digits = 16, TraceContext = 55, SpanAt = 36;
        id = 0;
        if (text.Length == TraceContext && text[2] == '-' && text[SpanAt - 1] == '-' && text[SpanAt + Digits] == '-') text = text.Slice(SpanAt, Digits);
        return text.Length == Digits && ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out id) && id != 0;
    }

    /// <summary>
    /// A tag of <c>[name, value],[name, value]</c> (<c>Tags=TagObjects.*Enumerate</c>) or of <c>name:value, name:value</c> (no transformation asked for).
    /// The last one counts: a tag that holds the text of a query stands before those of the address.
    /// </summary>
    internal static string Tag(string tags, string name)
    {
        bool listed = tags.StartsWith('[');
        string key = listed ? $"[{name}, " : $"{name}:";
        int at = tags.LastIndexOf(key, StringComparison.Ordinal);
        if (at < 0 || (!listed && at > 0 && tags[at - 1] != ' ')) return "";
        int from = at + key.Length;
        int end = tags.IndexOf(listed ? "]" : ", ", from, StringComparison.Ordinal);
        return end < 0 ? tags[from..] : tags[from..end];
    }

    /// <summary>Where a call went: <c>network.peer.*</c>, else <c>server.*</c>; a name instead of an address says nothing that can be compared.</summary>
    internal static Endpoint Remote(string tags)
    {
        Endpoint peer = EndOf(Tag(tags, "network.peer.address"), Tag(tags, "network.peer.port"));
        return peer != Endpoint.None ? peer : EndOf(Tag(tags, "server.address"), Tag(tags, "server.port"));
    }

    /// <summary>An end of an address and a port.</summary>
    internal static Endpoint EndOf(string address, string port)
    {
        if (address.StartsWith('/') && address.Length <= EventLine.LongestName) return new Endpoint(null, 0, address);
        return IPAddress.TryParse(address, out IPAddress? ip) && ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out ushort number) && number > 0 ? Endpoint.Inet(ip, number) : Endpoint.None;
    }
}
