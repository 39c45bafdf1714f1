using System.Globalization;
using VirtualServices.Model;

namespace VirtualServices.Rules.Reading;

/// <summary>Collects what is wrong with a file, so that a person can mend it in one go.</summary>
internal sealed class RuleErrors(string path)
{
    /// <summary>A hostile file can hold a million errors; nobody reads more than these.</summary>
    public const int MaxShown = 200;

    private readonly List<(int Line, string Text)> _errors = [];
    private long _count;

    public bool Any => _count > 0;

    public void Add(int line, string text)
    {
        _count++;
        if (_errors.Count < MaxShown) _errors.Add((Math.Max(line, 1), OneLine(text)));
    }

    /// <exception cref="VsException">Exit code 3, one line per error: <c>file:line: what, expected what</c>.</exception>
    public void ThrowIfAny()
    {
        if (!Any) return;
        IEnumerable<string> lines = _errors.OrderBy(error => error.Line)
            .Select(error => string.Create(CultureInfo.InvariantCulture, $"{path}:{error.Line}: {error.Text}"));
        if (_count > _errors.Count) lines = lines.Append(string.Create(CultureInfo.InvariantCulture, $"{path}: and {_count - _errors.Count} more errors"));
        throw new VsException(ExitCode.BadInput, string.Join('\n', lines));
    }

    /// <summary>Quoted values may hold anything: a message stays one line and sends no control codes to the terminal.</summary>
    private static string OneLine(string text)
    {
        if (!text.Any(char.IsControl)) return text;
        return string.Concat(text.Select(c => char.IsControl(c) ? $"\\u{(int)c:x4}" : c.ToString()));
    }
}
