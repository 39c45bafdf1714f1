using VirtualServices.Model;
using VirtualServices.Rules.Yaml;

namespace VirtualServices.Rules.Reading;

/// <summary>Selectors: <c>{ listen: tcp/5432 }</c>, one key each, so that a list reads as "any of these" and nobody takes two keys for "both".</summary>
internal static class SelectorParser
{
    /// <summary>Reads a list of selectors or a single one.</summary>
    public static List<Selector> Read(MappingReader owner, string key, string what, string[] kinds, RuleErrors errors)
    {
        var selectors = new List<Selector>();
        IReadOnlyList<YamlNode> items = owner.Node(key) is YamlMapping single ? [single] : owner.Items(key);
        foreach (YamlNode item in items)
        {
            if (ReadOne(item, what, kinds, errors) is not { } selector) continue;
            if (selectors.Contains(selector)) errors.Add(item.Line, $"{selector} stands twice in the {key} of {what}, expected once");
            else selectors.Add(selector);
        }

        return selectors;
    }

    private static Selector? ReadOne(YamlNode node, string what, string[] kinds, RuleErrors errors)
    {
        var reader = new MappingReader(node, $"a selector of {what}", kinds, errors);
        if (!reader.IsMapping) return null;
        if (reader.Entries.Count != 1)
        {
            errors.Add(node.Line, $"a selector of {what} has {reader.Entries.Count} keys, expected exactly one; to choose by any of several, write a list: [ {{ unit: a.service }}, {{ uid: 33 }} ]");
            return null;
        }

        string keyword = reader.Entries[0].Key.Value;
        if (!kinds.Contains(keyword, StringComparer.Ordinal)) return null;
        if (reader.Text(keyword, "a value", required: true) is not { } value) return null;
        if (Selector.TryParse($"{keyword}:{value}", out Selector selector, out _)) return Normalise(selector);
        errors.Add(reader.LineOf(keyword), $"{keyword} of {what} is '{value}', expected {Expected(keyword)}");
        return null;
    }

    private static string Expected(string keyword) => keyword switch
    {
        "unit" => "the name of a unit such as shop-web.service",
        "cgroup" => "a cgroup path, which begins with '/'",
        "exe" => "the absolute path of an executable",
        "uid" => "a numeric user id 0..4294967295",
        "pid" => "a process id 1..2147483647",
        "client" => "a network such as 10.1.0.0/16",
        "host" => HostName.Expected,
        _ => "a listening address such as tcp/5432, tcp/127.0.0.1:5432, udp/53 or unix//run/x.sock",
    };

    /// <summary>One spelling per address, so that equal selectors compare equal.</summary>
    private static Selector Normalise(Selector selector) => selector.Kind switch
    {
        SelectorKind.Listen when ListenAddress.TryParse(selector.Value, out ListenAddress address) => selector with { Value = address.ToString() },
        SelectorKind.Host when HostName.TryParse(selector.Value, out HostName name) => selector with { Value = name.Text },
        SelectorKind.Client => selector with { Value = System.Net.IPNetwork.Parse(selector.Value).ToString() },
        _ => selector,
    };
}
