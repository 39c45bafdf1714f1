using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace VirtualServices.Rules.Tests;

/// <summary>Rule sets as JSON, member by member and independent of the product's own writer, to compare them by value.</summary>
internal static class Json
{
    private static readonly JsonSerializerOptions Options = new() { WriteIndented = true, Converters = { new AddressConverter() } };

    public static string Of(RuleSet rules) => JsonSerializer.Serialize(rules, Options);

    private sealed class AddressConverter : JsonConverter<IPAddress>
    {
        public override IPAddress Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => IPAddress.Parse(reader.GetString()!);

        public override void Write(Utf8JsonWriter writer, IPAddress value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
    }
}
