using System.Globalization;
using System.Text.Encodings.Web;

namespace VirtualServices.Infer.Output;

/// <summary>Pieces of JSON Lines.</summary>
internal static class JsonText
{
    /// <summary>A JSON string, or <c>null</c>.</summary>
    public static string Of(string? text) => text is null ? "null" : "\"" + JavaScriptEncoder.Default.Encode(text) + "\"";

    /// <summary>A confidence with three digits.</summary>
    public static string Of(double confidence) => confidence.ToString("0.###", CultureInfo.InvariantCulture);
}
