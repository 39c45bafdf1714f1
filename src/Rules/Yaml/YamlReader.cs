using VirtualServices.Rules.Reading;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace VirtualServices.Rules.Yaml;

/// <summary>
/// Builds the tree from the parser's events and refuses what the rule language has no use for: anchors and aliases (a few lines of them expand to gigabytes),
/// tags, keys that are not text, several documents, deep nesting.
/// </summary>
internal sealed class YamlReader
{
    /// <summary>The rule language needs 6 levels (gates, evidence, samples); the bound keeps the recursion below harmless.</summary>
    public const int MaxDepth = 16;

    private readonly Parser _parser;
    private readonly RuleErrors _errors;

    private YamlReader(string text, RuleErrors errors)
    {
        _parser = new Parser(new StringReader(text));
        _errors = errors;
    }

    /// <summary>Reads the one document of the text.</summary>
    /// <exception cref="Model.VsException">Not YAML, or YAML that is refused; with all errors found so far.</exception>
    public static YamlNode? Read(string text, RuleErrors errors)
    {
        var reader = new YamlReader(text, errors);
        try
        {
            return reader.ReadDocument();
        }
        catch (YamlException e)
        {
            errors.Add((int)e.Start.Line, $"this is not valid YAML: {e.Message.TrimEnd('.')}, expected YAML 1.2");
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or IndexOutOfRangeException or FormatException or OverflowException)
        {
            // The parser is a library that reads hostile input: what it throws beside its own exception means the same to the user.
            // Its text is about the parser's insides. Seen: a key below a bracket that is still open.
            errors.Add((int)(reader._parser.Current?.End.Line ?? 1), "this is not valid YAML, expected YAML 1.2: often a bracket '[', a brace '{' or a quote here or above is not closed");
        }

        errors.ThrowIfAny();
        return null;
    }

    private YamlNode? ReadDocument()
    {
        while (_parser.MoveNext() && _parser.Current is StreamStart or DocumentStart)
        {
        }

        if (_parser.Current is null or StreamEnd) return null;
        YamlNode root = ReadNode(0);
        _parser.MoveNext();
        if (_parser.MoveNext() && _parser.Current is DocumentStart second)
        {
            _errors.Add((int)second.Start.Line, "a second document begins here, expected one document in a rule file");
            _errors.ThrowIfAny();
        }

        return root;
    }

    private YamlNode ReadNode(int depth)
    {
        ParsingEvent at = _parser.Current ?? throw new InvalidOperationException("the text ends too early");
        int line = (int)at.Start.Line;
        int start = (int)at.Start.Index;
        if (at is AnchorAlias || (at is NodeEvent node && (!node.Anchor.IsEmpty || !node.Tag.IsEmpty)))
        {
            _errors.Add(line, "anchors (&), aliases (*) and tags (!) are not part of the rule language, expected the value itself");
            _errors.ThrowIfAny();
        }

        if (depth > MaxDepth)
        {
            _errors.Add(line, $"nested too deeply, expected at most {MaxDepth} levels");
            _errors.ThrowIfAny();
        }

        switch (at)
        {
            case Scalar scalar:
                return new YamlScalar(line, start, (int)scalar.End.Index, scalar.Value, scalar.Style == ScalarStyle.Plain);
            case SequenceStart sequence:
                var items = new List<YamlNode>();
                while (MoveNext() is not SequenceEnd) items.Add(ReadNode(depth + 1));
                return new YamlSequence(line, start, (int)_parser.Current!.End.Index, sequence.Style == SequenceStyle.Flow, items);
            case MappingStart mapping:
                return ReadMapping(mapping, depth);
            default:
                throw new InvalidOperationException($"unexpected {at.GetType().Name}");
        }
    }

    private YamlMapping ReadMapping(MappingStart mapping, int depth)
    {
        var entries = new List<YamlEntry>();
        while (MoveNext() is not MappingEnd)
        {
            if (ReadNode(depth + 1) is not YamlScalar key)
            {
                _errors.Add((int)_parser.Current!.Start.Line, "a key is a list or a mapping, expected a word");
                _errors.ThrowIfAny();
                throw new InvalidOperationException("unreachable");
            }

            MoveNext();
            entries.Add(new YamlEntry(key, ReadNode(depth + 1)));
        }

        // The end event of a flow mapping stands on the closing brace and has no length.
        return new YamlMapping((int)mapping.Start.Line, (int)mapping.Start.Index, (int)_parser.Current!.Start.Index, mapping.Style == MappingStyle.Flow, entries);
    }

    private ParsingEvent MoveNext() => _parser.MoveNext() ? _parser.Current! : throw new InvalidOperationException("the text ends too early");
}
