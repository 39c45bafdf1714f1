using System.Text.Json;
using VirtualServices.Rules.Reading;

namespace VirtualServices.Rules.Tests;

public sealed class SchemaTests
{
    [Fact]
    public void The_schema_has_the_keys_that_the_reader_knows_and_no_others()
    {
        using var schema = JsonDocument.Parse(RuleSchema.Text);
        JsonElement definitions = schema.RootElement.GetProperty("$defs");
        foreach ((string name, string[] keys) in RuleKeys.ByDefinition)
        {
            JsonElement definition = definitions.GetProperty(name);
            Assert.False(definition.GetProperty("additionalProperties").GetBoolean());
            Assert.Equal(keys.Order(), definition.GetProperty("properties").EnumerateObject().Select(property => property.Name).Order());
        }

        IEnumerable<string> objects = definitions.EnumerateObject().Where(definition => definition.Value.TryGetProperty("properties", out _)).Select(definition => definition.Name);
        Assert.Equal(RuleKeys.ByDefinition.Keys.Order(), objects.Order());
    }

    [Fact]
    public void The_schema_has_the_words_that_the_reader_knows()
    {
        using var schema = JsonDocument.Parse(RuleSchema.Text);
        JsonElement definitions = schema.RootElement.GetProperty("$defs");
        Assert.Equal(Enum.GetValues<GateCall>().Select(RuleWords.Of), Words(definitions, "gate", "on"));
        Assert.Equal(Enum.GetValues<BindScope>().Select(RuleWords.Of), Words(definitions, "gate", "binds"));
        Assert.Equal(Enum.GetValues<GateState>().Select(RuleWords.Of), Words(definitions, "gate", "state"));
        Assert.Equal([RuleWords.Block, RuleWords.BestEffort, .. RuleWords.Errnos.Select(errno => RuleWords.ErrnoPrefix + errno)], Words(definitions, "limits", "onLimit"));
    }

    [Fact]
    public void The_keys_of_selectors_are_the_models_kinds()
    {
        Assert.Equal(Enum.GetValues<SelectorKind>().Select(Selector.Keyword).Order(), RuleKeys.FrontDoor.Order());
        Assert.Equal(Enum.GetValues<SelectorKind>().Where(Selector.ChoosesProcesses).Select(Selector.Keyword).Order(), RuleKeys.Match.Order());
    }

    private static IEnumerable<string> Words(JsonElement definitions, string definition, string key) =>
        definitions.GetProperty(definition).GetProperty("properties").GetProperty(key).GetProperty("enum").EnumerateArray().Select(word => word.GetString()!);
}
