using System.Globalization;
using VirtualServices.Rules.Yaml;

namespace VirtualServices.Rules.Reading;

/// <summary>Where each named part of the file stands.</summary>
internal sealed record RuleLines(
    IReadOnlyDictionary<string, YamlNode> VirtualServices,
    IReadOnlyDictionary<string, YamlNode> Services,
    IReadOnlyDictionary<string, YamlNode> Gates,
    YamlNode? Network = null)
{
    /// <summary>Line of the innermost of the keys that exists, else of the node. A number among the keys is an item of a list, from 0; what may be a list or a single one is taken for a list of that one.</summary>
    public static int LineOf(YamlNode? node, params ReadOnlySpan<string> keys)
    {
        int line = node?.Line ?? 1;
        foreach (string key in keys)
        {
            YamlNode? inner = int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out int item)
                ? node is YamlSequence list ? list.Items.ElementAtOrDefault(item) : node
                : (node as YamlMapping)?.Find(key)?.Value;
            if (inner is null) break;
            node = inner;
            line = inner.Line;
        }

        return line;
    }
}
