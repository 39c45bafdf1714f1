using System.Globalization;
using System.Net.Sockets;
using System.Text;
using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Load;

/// <summary>HTTP/1.1, one request after the other over a connection that stays open.</summary>
internal sealed class HttpConnection(LoadPlan plan) : LoadConnection(plan, ProtocolType.Tcp)
{
    private readonly byte[] _buffer = new byte[1 << 16];
    private int _asked;

    /// <inheritdoc/>
    public override IReadOnlyList<Hop> Ask(string request, int work)
    {
        Send(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"GET {Plan.Path}?request={request}&tenant={Plan.Tenant}&work={work}&id={_asked++} HTTP/1.1\r\nHost: shop\r\n\r\n")));
        int end = 0, whole;
        while ((whole = WholeLength(end)) < 0 || end < whole)
        {
            int got = Socket.Receive(_buffer.AsSpan(end));
            if (got == 0) throw Refused($"the end of the connection after {end} bytes");
            end += got;
        }

        string said = Encoding.UTF8.GetString(_buffer.AsSpan(0, end));
        if (!said.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal)) throw Refused(said);
        return [Answered(request)];
    }

    /// <summary>Length of head and body, -1 while the head is not there.</summary>
    private int WholeLength(int end)
    {
        int head = _buffer.AsSpan(0, end).IndexOf("\r\n\r\n"u8);
        if (head < 0) return -1;
        const string Name = "Content-Length:";
        string line = Encoding.ASCII.GetString(_buffer.AsSpan(0, head)).Split("\r\n").FirstOrDefault(one => one.StartsWith(Name, StringComparison.OrdinalIgnoreCase)) ?? throw Refused($"no length: {Encoding.UTF8.GetString(_buffer.AsSpan(0, end))}");
        return head + 4 + int.Parse(line.AsSpan(Name.Length).Trim(), CultureInfo.InvariantCulture);
    }
}
