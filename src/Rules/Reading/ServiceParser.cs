using VirtualServices.Model;
using VirtualServices.Rules.Yaml;

namespace VirtualServices.Rules.Reading;

/// <summary>Reads one entry of <c>services</c>.</summary>
internal static class ServiceParser
{
    private const string NameExpected = "a name of letters, digits, '-', '_' and '.', beginning with a letter, at most 63 characters";

    public static Service? Read(YamlNode node, RuleErrors errors)
    {
        string what = MappingReader.Call(node, "service", "name", IsName);
        var reader = new MappingReader(node, what, RuleKeys.Service, errors);
        string? name = reader.Text("name", NameExpected, required: true);
        if (name is not null && !IsName(name))
        {
            reader.Bad("name", NameExpected);
            name = null;
        }

        List<Selector> match = SelectorParser.Read(reader, "match", what, RuleKeys.Match, errors);
        bool empty = reader.Node("match") is null or YamlScalar { IsNull: true } or YamlSequence { Items.Count: 0 };
        if (reader.IsMapping && empty)
            errors.Add(reader.LineOf("match"), $"{what} has no match, expected at least one selector such as {{ listen: tcp/5432 }}");
        return name is null ? null : new Service(name, match);
    }

    private static bool IsName(string name) => RuleWords.IsName(name, 63);
}
