using System.Globalization;
using System.Text.Encodings.Web;
using VirtualServices.Infer.Turns;

namespace VirtualServices.Infer.Output;

/// <summary>Pieces of JSON Lines.</summary>
internal static class JsonText
{
    /// <summary>A JSON string, or <c>null</c>.</summary>
    public static string Of(string? text) => text is null ? "null" : "\"" + JavaScriptEncoder.Default.Encode(text) + "\"";

    /// <summary>The id of a connection as its source has it, else the socket's, as a string: a cookie may be larger than a JSON number holds.</summary>
    public static string Connection(ConnectionEnd end) =>
        end.Connection.Length > 0 ? Of(end.Connection) : string.Create(CultureInfo.InvariantCulture, $"\"{(end.Socket ?? end).Id}\"");

    /// <summary>A confidence with three digits.</summary>
    public static string Of(double confidence) => confidence.ToString("0.###", CultureInfo.InvariantCulture);
}
