using System.Text;

namespace VirtualServices.Rules.Editing;

/// <summary>Replacements in a text, given by the places in the text as it was.</summary>
internal sealed class TextEdits(string text)
{
    private readonly List<(int Start, int End, string With)> _edits = [];

    public string Text => text;

    /// <summary>The file's own line end.</summary>
    public string NewLine { get; } = text.Contains("\r\n", StringComparison.Ordinal) ? "\r\n" : "\n";

    public void Replace(int start, int end, string with) => _edits.Add((start, end, with));

    public void Insert(int at, string what) => Replace(at, at, what);

    /// <summary>Columns before a place: how far a line beside it is indented.</summary>
    public string IndentOf(int at) => new(' ', at - LineStart(at));

    /// <summary>Inserts whole lines after the line of a place.</summary>
    public void InsertLinesAfter(int at, IEnumerable<string> lines)
    {
        int end = text.IndexOf('\n', at);
        string block = string.Concat(lines.Select(line => line + NewLine));
        if (end >= 0) Insert(end + 1, block);
        else Insert(text.Length, NewLine + block);
    }

    public string Apply()
    {
        var result = new StringBuilder(text);

        // From the end, so that earlier places stay right; stable, so that two insertions at one place keep their order.
        foreach ((int start, int end, string with) in _edits.OrderBy(edit => edit.Start).Reverse())
            result.Remove(start, end - start).Insert(start, with);
        return result.ToString();
    }

    private int LineStart(int at) => at == 0 ? 0 : text.LastIndexOf('\n', at - 1) + 1;
}
