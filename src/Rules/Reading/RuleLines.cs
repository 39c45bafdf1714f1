using VirtualServices.Rules.Yaml;

namespace VirtualServices.Rules.Reading;

/// <summary>Where each named part of the file stands.</summary>
internal sealed record RuleLines(
    IReadOnlyDictionary<string, YamlNode> VirtualServices,
    IReadOnlyDictionary<string, YamlNode> Services,
    IReadOnlyDictionary<string, YamlNode> Gates,
    YamlNode? Network = null)
{
    /// <summary>Line of the innermost of the keys that exists, else of the node.</summary>
    public static int LineOf(YamlNode? node, params ReadOnlySpan<string> keys)
    {
        int line = node?.Line ?? 1;
        foreach (string key in keys)
        {
            if ((node as YamlMapping)?.Find(key)?.Value is not { } inner) break;
            node = inner;
            line = inner.Line;
        }

        return line;
    }
}
