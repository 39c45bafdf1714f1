using System.Globalization;
using VirtualServices.Rules.Yaml;

namespace VirtualServices.Rules.Reading;

/// <summary>Reads one mapping strictly: unknown and repeated keys, wrong types and wrong ranges go to the errors, reading goes on.</summary>
internal sealed class MappingReader
{
    private readonly YamlMapping? _mapping;
    private readonly string _what;
    private readonly RuleErrors _errors;

    /// <param name="node">The node that should be a mapping.</param>
    /// <param name="what">What messages call it, for instance "virtual service 'acme'".</param>
    /// <param name="keys">Keys that it may have.</param>
    /// <param name="errors">Takes what is wrong.</param>
    public MappingReader(YamlNode node, string what, string[] keys, RuleErrors errors)
    {
        _what = what;
        _errors = errors;
        Line = node.Line;
        _mapping = node as YamlMapping;
        if (_mapping is null)
        {
            errors.Add(node.Line, $"{what} is {node.Kind}, expected a mapping with {string.Join(", ", keys)}");
            return;
        }

        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (YamlEntry entry in _mapping.Entries)
        {
            string key = entry.Key.Value;
            if (!keys.Contains(key, StringComparer.Ordinal))
                errors.Add(entry.Key.Line, $"unknown key {entry.Key.Kind} in {what}, expected {string.Join(", ", keys)}");
            else if (!seen.Add(key))
                errors.Add(entry.Key.Line, $"key '{key}' stands twice in {what}, expected once");
        }
    }

    /// <summary>What messages call an entry: by its name where it has one, so that it can be found; else <c>a gate</c>.</summary>
    /// <param name="node">The entry.</param>
    /// <param name="kind">What it should be.</param>
    /// <param name="key">Key of its name.</param>
    /// <param name="isName">Whether this can be the name.</param>
    public static string Call(YamlNode node, string kind, string key, Func<string, bool> isName) =>
        (node as YamlMapping)?.Find(key)?.Value is YamlScalar { IsNull: false } name && isName(name.Value) ? $"{kind} '{name.Value}'" : $"a {kind}";

    /// <summary>False: the node is something else, which is reported already.</summary>
    public bool IsMapping => _mapping is not null;

    public int Line { get; }

    public int LineOf(string key) => _mapping?.Find(key)?.Value.Line ?? Line;

    public YamlNode? Node(string key) => _mapping?.Find(key)?.Value;

    public IReadOnlyList<YamlEntry> Entries => _mapping?.Entries ?? [];

    /// <summary>The error of one key, at its line.</summary>
    public void Bad(string key, string expected)
    {
        YamlNode? node = Node(key);
        if (node is not null) _errors.Add(node.Line, $"{key} of {_what} is {node.Kind}, expected {expected}");
        else if (IsMapping) _errors.Add(Line, $"{_what} has no {key}, expected {expected}");
    }

    /// <summary>The text of a key; null where the key is absent or (reported) no text.</summary>
    public string? Text(string key, string expected, bool required = false)
    {
        YamlNode? node = Node(key);
        if (node is null)
        {
            if (required) Bad(key, expected);
            return null;
        }

        if (node is YamlScalar { IsNull: false } scalar) return scalar.Value;
        Bad(key, expected);
        return null;
    }

    /// <summary>Free text, where nothing means empty.</summary>
    public string FreeText(string key) => Node(key) is YamlScalar { IsNull: true } ? "" : Text(key, "text") ?? "";

    public long? Whole(string key, long min, long max, string? expected = null, bool required = false)
    {
        expected ??= max == long.MaxValue
            ? string.Create(CultureInfo.InvariantCulture, $"a whole number from {min}")
            : string.Create(CultureInfo.InvariantCulture, $"a whole number {min}..{max}");
        string? text = Number(key, expected, required);
        if (text is null) return null;
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) && value >= min && value <= max) return value;
        Bad(key, expected);
        return null;
    }

    public ulong? Unsigned(string key)
    {
        const string Expected = "a whole number from 0";
        string? text = Number(key, Expected, required: false);
        if (text is null) return null;
        if (ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value)) return value;
        Bad(key, Expected);
        return null;
    }

    public double? Real(string key, double min, double max, string expected)
    {
        string? text = Number(key, expected, required: false);
        if (text is null) return null;
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value >= min && value <= max) return value;
        Bad(key, expected);
        return null;
    }

    public long? Rate(string key)
    {
        string? text = Text(key, Units.RateExpected);
        if (text is null) return null;
        if (Units.TryParseRate(text, out long value)) return value;
        Bad(key, Units.RateExpected);
        return null;
    }

    /// <summary>One word of an enumeration, spelt in lower case.</summary>
    public T? Word<T>(string key, bool required)
        where T : struct, Enum
    {
        string expected = string.Join(", ", Enum.GetValues<T>().Select(RuleWords.Of));
        string? text = Text(key, expected, required);
        if (text is null) return null;
        foreach (T value in Enum.GetValues<T>())
        {
            if (RuleWords.Of(value) == text) return value;
        }

        Bad(key, expected);
        return null;
    }

    /// <summary>The items of a list; a list with nothing in it may be left empty.</summary>
    public IReadOnlyList<YamlNode> Items(string key)
    {
        switch (Node(key))
        {
            case null or YamlScalar { IsNull: true }:
                return [];
            case YamlSequence sequence:
                return sequence.Items;
            default:
                Bad(key, "a list");
                return [];
        }
    }

    /// <summary>Numbers are written without quotes: a quoted one is text, and more often a mistake than not.</summary>
    private string? Number(string key, string expected, bool required)
    {
        string? text = Text(key, expected, required);
        if (text is null || Node(key) is YamlScalar { IsPlain: true }) return text;
        _errors.Add(LineOf(key), $"{key} of {_what} is the quoted text '{text}', expected {expected}");
        return null;
    }
}
