using VirtualServices.Model;

namespace VirtualServices.Cli.Commands;

/// <summary>The name of whoever decides about gates. It stands in the rule file for others to read.</summary>
internal static class Reviewer
{
    /// <summary>Throws for what is no name.</summary>
    /// <exception cref="VsException">Exit code 2: it is empty, or would steer the terminal of whoever reads it.</exception>
    public static void Check(string by)
    {
        if (string.IsNullOrWhiteSpace(by)) throw new VsException(ExitCode.Usage, "--by is empty: give the name of whoever decides");
        foreach (char c in by)
        {
            if (char.IsControl(c) || c is '\u2028' or '\u2029') throw new VsException(ExitCode.Usage, $"--by has the control character U+{(int)c:X4}: give the name of whoever decides, in one line");
        }
    }
}
