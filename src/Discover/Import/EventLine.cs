using System.Globalization;
using System.Text.Json;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Import;

/// <summary>Reads one line of neutral events (JSON). Unknown fields are skipped; a field that is given twice counts as it stands last.</summary>
internal sealed class EventLine
{
    /// <summary>Longest name of a host, service, connection or virtual service, in characters.</summary>
    internal const int LongestName = 256;

    private const int MostNames = 1 << 16;
    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Endpoint> _ends = new(StringComparer.Ordinal);

    /// <exception cref="FieldError">The line breaks the format.</exception>
    internal void Read(ReadOnlySpan<byte> line, NeutralEvent e)
    {
        e.Clear();
        var seen = Seen.None;
        try
        {
            Utf8JsonReader json = new(line);
            if (!json.Read() || json.TokenType != JsonTokenType.StartObject) throw new FieldError("", "expected a JSON object");
            while (json.Read() && json.TokenType == JsonTokenType.PropertyName) seen |= Field(ref json, e);
            if (json.Read()) throw new FieldError("", "expected one JSON object and nothing behind it");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // The library's message ends with a line and position within this one line; the file's line is what helps.
            string message = error.Message;
            int at = message.IndexOf(" LineNumber:", StringComparison.Ordinal);
            throw new FieldError("", $"expected a JSON object: {(at > 0 ? message[..at] : message)}");
        }

        if ((seen & Seen.Time) == 0) throw new FieldError("ts", "expected the time in ns");
        if ((seen & Seen.Pid) == 0) throw new FieldError("pid", "expected the process id");
        if (e.Call == CallKind.None) throw new FieldError("call", Calls);
        bool connected = e.Call is CallKind.Accept or CallKind.Connect or CallKind.Receive or CallKind.Send or CallKind.Close;
        if (connected && e.Connection.Length == 0) throw new FieldError("conn", "expected the id of the connection");
        if (e.Call is CallKind.Fork or CallKind.Wake && e.Child == 0) throw new FieldError("child", e.Call == CallKind.Fork ? "expected the new process id" : "expected the woken thread id");
        if (e.Request != 0 && e.Call is not (CallKind.Receive or CallKind.Send)) throw new FieldError("request", "expected on a recv or send only");
        if (e.VirtualService.Length > 0 && e.Call != CallKind.Receive) throw new FieldError("vs", "expected on a recv only");
        if ((e.Call == CallKind.Accept && e.Role == SocketRole.Client) || (e.Call == CallKind.Connect && e.Role == SocketRole.Server))
            throw new FieldError("role", "expected server for accept, client for connect");
    }

    private const string Calls = "expected accept, connect, recv, send, close, fork, exec, exit, wake or switch";

    [Flags]
    private enum Seen
    {
        None = 0,
        Time = 1,
        Pid = 2,
    }

    private Seen Field(ref Utf8JsonReader json, NeutralEvent e)
    {
        if (json.ValueTextEquals("ts"u8))
        {
            e.TimeNs = Number(ref json, "ts", 0, SessionClock.FurthestNs);
            return Seen.Time;
        }

        if (json.ValueTextEquals("pid"u8))
        {
            e.Pid = (int)Number(ref json, "pid", 1, int.MaxValue);
            return Seen.Pid;
        }

        if (json.ValueTextEquals("call"u8)) e.Call = CallOf(Name(ref json, "call"));
        else if (json.ValueTextEquals("conn"u8)) e.Connection = Connection(ref json);
        else if (json.ValueTextEquals("service"u8)) e.Service = Name(ref json, "service");
        else if (json.ValueTextEquals("host"u8)) e.Host = Name(ref json, "host");
        else if (json.ValueTextEquals("role"u8)) e.Role = RoleOf(Name(ref json, "role"));
        else if (json.ValueTextEquals("proto"u8)) e.Protocol = ProtocolOf(Name(ref json, "proto"));
        else if (json.ValueTextEquals("bytes"u8)) e.Bytes = (int)Math.Min(Number(ref json, "bytes", 0, long.MaxValue), int.MaxValue);
        else if (json.ValueTextEquals("tid"u8)) e.Tid = (int)Number(ref json, "tid", 0, int.MaxValue);
        else if (json.ValueTextEquals("comm"u8)) e.Comm = Name(ref json, "comm");
        else if (json.ValueTextEquals("local"u8)) e.Local = End(ref json, "local");
        else if (json.ValueTextEquals("remote"u8)) e.Remote = End(ref json, "remote");
        else if (json.ValueTextEquals("child"u8)) e.Child = (int)Number(ref json, "child", 1, int.MaxValue);
        else if (json.ValueTextEquals("child_tid"u8)) e.ChildTid = (int)Number(ref json, "child_tid", 1, int.MaxValue);
        else if (json.ValueTextEquals("cpu_ns"u8)) e.CpuNs = (ulong)Number(ref json, "cpu_ns", 0, long.MaxValue);
        else if (json.ValueTextEquals("seq"u8)) Number(ref json, "seq", 0, uint.MaxValue);
        else if (json.ValueTextEquals("request"u8)) e.Request = Request(ref json);
        else if (json.ValueTextEquals("vs"u8)) e.VirtualService = Name(ref json, "vs");
        else json.Skip();
        return Seen.None;
    }

    /// <summary>A whole number; null counts as absent where 0 is allowed.</summary>
    private static long Number(ref Utf8JsonReader json, string field, long from, long to)
    {
        json.Read();
        if (json.TokenType == JsonTokenType.Null && from == 0 && field != "ts") return 0;
        if (json.TokenType != JsonTokenType.Number || !json.TryGetInt64(out long value) || value < from || value > to)
            throw new FieldError(field, $"expected a whole number from {from} to {to}");
        return value;
    }

    private string Name(ref Utf8JsonReader json, string field)
    {
        string text = Text(ref json, field);
        if (_names.TryGetValue(text, out string? known)) return known;
        if (_names.Count < MostNames) _names.Add(text, text);
        return text;
    }

    private static string Connection(ref Utf8JsonReader json)
    {
        json.Read();
        if (json.TokenType == JsonTokenType.Number && json.TryGetUInt64(out ulong number)) return number.ToString(CultureInfo.InvariantCulture);
        return Checked(json.TokenType == JsonTokenType.String ? json.GetString() : null, "conn");
    }

    private static string Text(ref Utf8JsonReader json, string field)
    {
        json.Read();
        return json.TokenType == JsonTokenType.Null ? "" : Checked(json.TokenType == JsonTokenType.String ? json.GetString() : null, field);
    }

    private static string Checked(string? text, string field)
    {
        if (text is null || text.Length > LongestName || text.Contains('\0')) throw new FieldError(field, $"expected a text of at most {LongestName} characters");
        return text;
    }

    /// <summary>As trace context writes the id of a span.</summary>
    private static ulong Request(ref Utf8JsonReader json)
    {
        string text = Text(ref json, "request");
        if (text.Length == 0) return 0;
        if (text.Length > 16 || !ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong id) || id == 0)
            throw new FieldError("request", "expected 1 to 16 hexadecimal digits, not all zero");
        return id;
    }

    private Endpoint End(ref Utf8JsonReader json, string field)
    {
        string text = Text(ref json, field);
        if (_ends.TryGetValue(text, out Endpoint? known)) return known;
        if (!SessionText.TryParseEndpoint(text, out Endpoint end)) throw new FieldError(field, "expected an address such as 10.0.0.1:80, [::1]:80 or /run/x.sock");
        if (_ends.Count < MostNames) _ends.Add(text, end);
        return end;
    }

    private static CallKind CallOf(string text) => text switch
    {
        "recv" => CallKind.Receive,
        "send" => CallKind.Send,
        "accept" => CallKind.Accept,
        "connect" => CallKind.Connect,
        "close" => CallKind.Close,
        "fork" => CallKind.Fork,
        "exec" => CallKind.Exec,
        "exit" => CallKind.Exit,
        "wake" => CallKind.Wake,
        "switch" => CallKind.Switch,
        _ => throw new FieldError("call", Calls),
    };

    private static SocketRole RoleOf(string text) => text switch
    {
        "server" => SocketRole.Server,
        "client" => SocketRole.Client,
        "" => SocketRole.Unknown,
        _ => throw new FieldError("role", "expected server or client"),
    };

    private static TransportProtocol ProtocolOf(string text) => text switch
    {
        "tcp" => TransportProtocol.Tcp,
        "udp" => TransportProtocol.Udp,
        "unix" => TransportProtocol.Unix,
        "pipe" => TransportProtocol.Pipe,
        "" => TransportProtocol.None,
        _ => throw new FieldError("proto", "expected tcp, udp, unix or pipe"),
    };
}
