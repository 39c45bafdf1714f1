namespace VirtualServices.Rules.Yaml;

/// <summary>A node of the file with its place: the editor changes only the characters of the nodes it means.</summary>
/// <param name="Line">1-based.</param>
/// <param name="Start">Index of its first character in the text.</param>
/// <param name="End">Index after its last character. For block collections the parser knows no exact end: do not use it there.</param>
internal abstract record YamlNode(int Line, int Start, int End)
{
    /// <summary>What messages call this kind of node.</summary>
    public abstract string Kind { get; }
}

/// <summary>Text, number or nothing.</summary>
internal sealed record YamlScalar(int Line, int Start, int End, string Value, bool IsPlain) : YamlNode(Line, Start, End)
{
    public override string Kind => IsNull ? "nothing" : $"'{Shorten(Value)}'";

    /// <summary>Nothing was written, or one of YAML's words for it.</summary>
    public bool IsNull => IsPlain && Value is "" or "~" or "null" or "Null" or "NULL";

    private static string Shorten(string value) => value.Length <= 60 ? value : string.Concat(value.AsSpan(0, 57), "...");
}

/// <summary>A key and its value.</summary>
internal sealed record YamlEntry(YamlScalar Key, YamlNode Value);

/// <summary>Keys with values, in file order.</summary>
internal sealed record YamlMapping(int Line, int Start, int End, bool IsFlow, IReadOnlyList<YamlEntry> Entries) : YamlNode(Line, Start, End)
{
    public override string Kind => "a mapping";

    public YamlEntry? Find(string key)
    {
        foreach (YamlEntry entry in Entries)
        {
            if (entry.Key.Value == key) return entry;
        }

        return null;
    }
}

/// <summary>A list.</summary>
internal sealed record YamlSequence(int Line, int Start, int End, bool IsFlow, IReadOnlyList<YamlNode> Items) : YamlNode(Line, Start, End)
{
    public override string Kind => "a list";
}
