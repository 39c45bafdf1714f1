using System.Text.Json;
using System.Text.Json.Serialization;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Sessions;

/// <summary>A value of <c>session.json</c> is not as expected; the message says what was.</summary>
internal sealed class SessionValueException(string message) : JsonException(message);

/// <summary>A value that is one string in JSON, in the spelling that the command line and messages use.</summary>
internal abstract class TextConverter<T> : JsonConverter<T>
{
    public sealed override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        string? text = reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
        return text is not null && TryParse(text, out T value) ? value : throw new SessionValueException($"expected {Expected}");
    }

    public sealed override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(Format(value));

    protected abstract string Expected { get; }

    protected abstract bool TryParse(string text, out T value);

    protected abstract string Format(T value);
}

internal sealed class EndpointConverter : TextConverter<Endpoint>
{
    protected override string Expected => "an address such as 10.0.0.1:80, [::1]:80 or /run/x.sock";

    protected override bool TryParse(string text, out Endpoint value) => SessionText.TryParseEndpoint(text, out value);

    protected override string Format(Endpoint value) => value.ToString();
}

internal sealed class SelectorConverter : TextConverter<Selector>
{
    protected override string Expected => "a selector such as listen:tcp/5432";

    protected override bool TryParse(string text, out Selector value) => Selector.TryParse(text, out value, out _);

    protected override string Format(Selector value) => value.ToString();
}

internal sealed class ProtocolConverter : TextConverter<TransportProtocol>
{
    private static readonly string[] Names = ["", "tcp", "udp", "unix", "pipe", "eventfd"];

    protected override string Expected => "tcp, udp, unix, pipe, eventfd or nothing";

    protected override bool TryParse(string text, out TransportProtocol value)
    {
        int index = Array.IndexOf(Names, text);
        value = (TransportProtocol)Math.Max(index, 0);
        return index >= 0;
    }

    protected override string Format(TransportProtocol value) => Names[(int)value];
}

internal sealed class RoleConverter : TextConverter<SocketRole>
{
    private static readonly string[] Names = ["unknown", "server", "client", "listener"];

    protected override string Expected => "unknown, server, client or listener";

    protected override bool TryParse(string text, out SocketRole value)
    {
        int index = Array.IndexOf(Names, text);
        value = (SocketRole)Math.Max(index, 0);
        return index >= 0;
    }

    protected override string Format(SocketRole value) => Names[(int)value];
}
