using System.Globalization;
using System.Text;
using VirtualServices.Model;
using VirtualServices.Rules.Editing;

namespace VirtualServices.Rules;

/// <summary>What a reviewer decided of a gate.</summary>
/// <param name="State">New state.</param>
/// <param name="Review">Who, when, why and of what.</param>
public sealed record GateVerdict(GateState State, GateReview Review);

/// <summary>Writes verdicts into the text of a rule file; comments, order, quoting and line ends of everything else stay.</summary>
public static class RuleEditor
{
    /// <summary>A verdict as of now, with the digest of what was looked at.</summary>
    public static GateVerdict MakeVerdict(RuleDocument document, Gate gate, GateState state, string by, string note, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(document);
        ArgumentNullException.ThrowIfNull(clock);
        return new GateVerdict(state, new GateReview(by, ReviewTime.Format(clock.GetUtcNow()), note, GateDigest.Of(gate, document.Rules)));
    }

    /// <summary>Sets <c>state</c> and <c>review</c> of the named gates.</summary>
    /// <returns>The edited document; nothing is written.</returns>
    /// <exception cref="VsException">A gate is written in a way that cannot be edited without touching something else (exit code 3).</exception>
    /// <exception cref="KeyNotFoundException">There is no such gate.</exception>
    public static RuleDocument Apply(RuleDocument document, IReadOnlyDictionary<string, GateVerdict> verdicts)
    {
        ArgumentNullException.ThrowIfNull(document);
        ArgumentNullException.ThrowIfNull(verdicts);
        var edits = new TextEdits(document.Text);
        foreach ((string id, GateVerdict verdict) in verdicts) GateEdit.Add(edits, document.NodeOfGate(id), verdict);
        string text = edits.Apply();

        // YAML can be written in more ways than the edit knows: what comes out must say exactly what was meant, or the file is left alone.
        RuleSet meant = document.Rules with
        {
            Gates = [.. document.Rules.Gates.Select(gate => verdicts.TryGetValue(gate.Id, out GateVerdict? verdict) ? gate with { State = verdict.State, Review = Clean(verdict.Review) } : gate)],
        };
        RuleDocument? edited = null;
        try
        {
            edited = RuleFile.Parse(text, document.Path, document.HasByteOrderMark);
        }
        catch (VsException e)
        {
            throw CannotEdit(document, verdicts, e);
        }

        return RuleText.Write(edited.Rules, "") == RuleText.Write(meant, "") ? edited : throw CannotEdit(document, verdicts, null);
    }

    /// <summary>Replaces the file of the original by the edited document, atomically and only if nobody changed it meanwhile.</summary>
    /// <exception cref="VsException">See <see cref="RuleFile.Save"/>; also 1 where the file was changed since it was loaded.</exception>
    public static void Save(RuleDocument original, RuleDocument edited)
    {
        ArgumentNullException.ThrowIfNull(original);
        ArgumentNullException.ThrowIfNull(edited);
        AtomicFile.Write(original.Path, Encode(edited), Encode(original));
    }

    private static byte[] Encode(RuleDocument document) => Encoding.UTF8.GetBytes(document.HasByteOrderMark ? "\uFEFF" + document.Text : document.Text);

    private static GateReview Clean(GateReview review) => new(Clean(review.By), review.At, Clean(review.Note), review.Digest);

    /// <summary>Half characters cannot be written.</summary>
    private static string Clean(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    private static VsException CannotEdit(RuleDocument document, IReadOnlyDictionary<string, GateVerdict> verdicts, Exception? inner)
    {
        string places = string.Join('\n', verdicts.Keys.Select(id => string.Create(
            CultureInfo.InvariantCulture,
            $"{document.Path}:{document.LineOfGate(id)}: gate '{id}' is written in a way that cannot be edited in place, expected state: and review: on lines of their own")));
        return new VsException(ExitCode.BadInput, places, inner);
    }
}
