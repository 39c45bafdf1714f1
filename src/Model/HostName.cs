using System.Globalization;

namespace VirtualServices.Model;

/// <summary>A name that clients ask for: of a host (<c>shop.example</c>), or of all below it (<c>*.shop.example</c>). Lower case, in ASCII as it is sent (RFC 5891).</summary>
/// <param name="Text">The name without a final dot.</param>
public sealed record HostName(string Text)
{
    /// <summary>What <see cref="TryParse"/> expects, for messages.</summary>
    public const string Expected = "a host name such as shop.example, or *.shop.example for all below it, of at most 126 characters";

    /// <summary>Longest name: what the kernel's programs keep of one.</summary>
    public const int MostCharacters = 126;

    private const string Wildcard = "*.";
    private const int MostOfLabel = 63;
    private static readonly IdnMapping Ascii = new() { AllowUnassigned = false, UseStd3AsciiRules = false };

    /// <summary>True where it stands for all names below it.</summary>
    public bool IsWildcard => Text.StartsWith(Wildcard, StringComparison.Ordinal);

    /// <summary>Reads a name as a person writes it: in any case and script, with or without a final dot.</summary>
    public static bool TryParse(string text, out HostName name)
    {
        ArgumentNullException.ThrowIfNull(text);
        name = new HostName("");
        bool wildcard = text.StartsWith(Wildcard, StringComparison.Ordinal);
        string rest = wildcard ? text[Wildcard.Length..] : text;
        if (rest.EndsWith('.')) rest = rest[..^1];
        try
        {
            if (rest.Length is 0 or > MostCharacters) return false;
            rest = Ascii.GetAscii(rest.ToLowerInvariant()); // first: without the data of cultures the mapping does not fold
        }
        catch (ArgumentException)
        {
            return false;
        }

        string whole = wildcard ? Wildcard + rest : rest;
        if (whole.Length > MostCharacters || !rest.Split('.').All(IsLabel)) return false;
        name = new HostName(whole);
        return true;
    }

    // The underscore is no letter of host names, but names that are asked for have it.
    private static bool IsLabel(string label) =>
        label.Length is > 0 and <= MostOfLabel && label[0] != '-' && label[^1] != '-' && label.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_');
}
