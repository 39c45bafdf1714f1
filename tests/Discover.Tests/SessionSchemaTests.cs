using System.Text.Json;
using System.Text.RegularExpressions;
using VirtualServices.Discover.Sessions;

namespace VirtualServices.Discover.Tests;

public sealed class SessionSchemaTests
{
    private static readonly JsonElement Schema = JsonDocument.Parse(SessionSchema.Text).RootElement;

    [Fact]
    public void What_is_written_fits_and_holds_nothing_that_the_schema_does_not_name()
    {
        Assert.Empty(Check(JsonDocument.Parse(SessionJson.Write(Sample.Info)).RootElement, Schema, "$"));
        using Imported session = Imported.Strace(Imported.Golden("redis-attached-yy.strace"));
        Assert.Empty(Check(JsonDocument.Parse(SessionJson.Write(session.Info)).RootElement, Schema, "$"));
    }

    [Theory]
    [InlineData("\"formatVersion\": 1", "\"formatVersion\": 2")]
    [InlineData("\"listener\"", "\"nobody\"")]
    [InlineData("\"pid\": 10", "\"pid\": \"10\"")]
    [InlineData("listen:tcp/5432", "tcp/5432")]
    [InlineData("\"bootId\"", "\"bootID\"")]
    public void What_breaks_the_format_does_not_fit(string good, string bad)
    {
        string text = System.Text.Encoding.UTF8.GetString(SessionJson.Write(Sample.Info));
        Assert.Contains(good, text, StringComparison.Ordinal);
        Assert.NotEmpty(Check(JsonDocument.Parse(text.Replace(good, bad, StringComparison.Ordinal)).RootElement, Schema, "$"));
    }

    /// <summary>The part of JSON Schema that this schema uses; unknown properties are errors here, so that the schema cannot fall behind.</summary>
    private static IEnumerable<string> Check(JsonElement value, JsonElement schema, string at)
    {
        if (schema.TryGetProperty("$ref", out JsonElement reference)) schema = Schema.GetProperty("$defs").GetProperty(reference.GetString()!["#/$defs/".Length..]);
        if (schema.TryGetProperty("const", out JsonElement constant) && constant.GetRawText() != value.GetRawText()) yield return $"{at}: not {constant}";
        if (schema.TryGetProperty("enum", out JsonElement words) && !words.EnumerateArray().Any(word => word.GetRawText() == value.GetRawText())) yield return $"{at}: {value} is not among {words}";
        if (schema.TryGetProperty("type", out JsonElement type) && !(type.ValueKind == JsonValueKind.Array ? type.EnumerateArray().Select(one => one.GetString()) : [type.GetString()]).Contains(TypeOf(value))) yield return $"{at}: {TypeOf(value)} is not {type}";
        if (schema.TryGetProperty("pattern", out JsonElement pattern) && value.ValueKind == JsonValueKind.String && !Regex.IsMatch(value.GetString()!, pattern.GetString()!)) yield return $"{at}: {value} does not match";
        if (schema.TryGetProperty("minimum", out JsonElement minimum) && value.ValueKind == JsonValueKind.Number && value.GetDecimal() < minimum.GetDecimal()) yield return $"{at}: {value} is too small";
        if (value.ValueKind == JsonValueKind.Array && schema.TryGetProperty("items", out JsonElement items))
        {
            int index = 0;
            foreach (string error in value.EnumerateArray().SelectMany(item => Check(item, items, $"{at}[{index++}]"))) yield return error;
        }

        if (value.ValueKind != JsonValueKind.Object) yield break;
        JsonElement properties = schema.GetProperty("properties");
        foreach (JsonElement required in schema.GetProperty("required").EnumerateArray())
            if (!value.TryGetProperty(required.GetString()!, out _)) yield return $"{at}: no {required}";
        foreach (JsonProperty property in value.EnumerateObject())
        {
            if (!properties.TryGetProperty(property.Name, out JsonElement own)) yield return $"{at}: {property.Name} is not named";
            else foreach (string error in Check(property.Value, own, $"{at}.{property.Name}")) yield return error;
        }
    }

    private static string TypeOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.True or JsonValueKind.False => "boolean",
        JsonValueKind.Null => "null",
        _ => value.TryGetDecimal(out decimal number) && number == Math.Truncate(number) ? "integer" : "number",
    };
}
