using VirtualServices.Model;
using VirtualServices.Rules.Reading;
using VirtualServices.Rules.Yaml;

namespace VirtualServices.Rules.Editing;

/// <summary>The smallest edits that give a gate another state and review.</summary>
internal static class GateEdit
{
    public static void Add(TextEdits edits, YamlMapping gate, GateVerdict verdict)
    {
        YamlEntry? state = gate.Find("state");
        YamlEntry? review = gate.Find("review");
        var missing = new List<string>();
        string word = RuleWords.Of(verdict.State);
        if (state is null) missing.Add($"state: {word}");
        else SetScalar(edits, (YamlScalar)state.Value, word, word);

        if (review is null) missing.Add($"review: {RuleText.ReviewText(verdict.Review)}");
        else SetReview(edits, review.Value, verdict.Review);
        if (missing.Count == 0) return;

        // `binds` is required, so it is always there to stand beside.
        YamlEntry anchor = state ?? gate.Find("binds")!;
        if (gate.IsFlow)
        {
            edits.Insert(anchor.Value.End, string.Concat(missing.Select(entry => ", " + entry)));
            return;
        }

        string indent = edits.IndentOf(anchor.Key.Start);
        edits.InsertLinesAfter(anchor.Value.End, missing.Select(entry => indent + entry));
    }

    private static void SetReview(TextEdits edits, YamlNode node, GateReview review)
    {
        if (node is not YamlMapping mapping)
        {
            edits.Replace(node.Start, node.End, Spaced(edits, node.Start, RuleText.ReviewText(review)));
            return;
        }

        var missing = new List<string>();
        foreach ((string key, string value) in new[] { ("by", review.By), ("at", review.At), ("note", review.Note), ("digest", review.Digest) })
        {
            if (mapping.Find(key) is { } entry) SetScalar(edits, (YamlScalar)entry.Value, value, YamlText.Quote(value));
            else missing.Add($"{key}: {YamlText.Quote(value)}");
        }

        if (missing.Count == 0) return;
        if (!mapping.IsFlow)
        {
            // Before the first key: after the last one there may be a block of text or comments that belong to it.
            int first = mapping.Entries[0].Key.Start;
            edits.Insert(first, string.Concat(missing.Select(line => line + edits.NewLine + edits.IndentOf(first))));
        }
        else if (mapping.Entries.Count == 0)
        {
            edits.Replace(mapping.Start + 1, mapping.End, $" {string.Join(", ", missing)} ");
        }
        else
        {
            edits.Insert(mapping.Entries[^1].Value.End, string.Concat(missing.Select(entry => ", " + entry)));
        }
    }

    private static void SetScalar(TextEdits edits, YamlScalar scalar, string value, string written)
    {
        if (scalar.Value == value && !(scalar.IsNull && scalar.Value.Length > 0)) return;
        string replacement = Spaced(edits, scalar.Start, written);

        // A block of text (| or >) ends with its line.
        if (scalar.End > scalar.Start && edits.Text[scalar.End - 1] == '\n') replacement += edits.NewLine;
        edits.Replace(scalar.Start, scalar.End, replacement);
    }

    /// <summary>A value that was left out begins right after the colon.</summary>
    private static string Spaced(TextEdits edits, int at, string value) => at > 0 && edits.Text[at - 1] == ':' ? " " + value : value;
}
