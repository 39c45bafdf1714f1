using CsCheck;

namespace VirtualServices.Rules.Tests;

public sealed class Fuzz
{
    private const string Bits = "\n :-#{}[],\"'&*!|>%@`?~\t\\a1\u0085\u2028\r\ud800";

    [Fact]
    public void Random_changes_give_a_rule_set_or_an_error_and_no_crash() =>
        Gen.Select(Gen.Int[0, Samples.Valid.Length - 1], Gen.Int[0, 12], Gen.String[Gen.Char[Bits], 0, 4])
            .List[1, 4]
            .Sample(
                changes =>
                {
                    string text = Samples.Valid;
                    foreach ((int at, int remove, string insert) in changes)
                    {
                        int start = Math.Min(at, text.Length);
                        text = text.Remove(start, Math.Min(remove, text.Length - start)).Insert(start, insert);
                    }

                    Try(text);
                },
                iter: 20_000);

    [Fact]
    public void Random_text_gives_an_error_and_no_crash() => Gen.String[Gen.Char[Bits], 0, 60].Sample(text => Try(text), iter: 20_000);

    /// <summary>Anything but success or VsException escapes and fails the test; what is read must also survive the checks.</summary>
    internal static void Try(string text)
    {
        RuleDocument document;
        try
        {
            document = RuleFile.Parse(text, "x.yaml");
        }
        catch (VsException e)
        {
            Assert.Equal(ExitCode.BadInput, e.ExitCode);
            Assert.All(e.Message.Split('\n'), line => Assert.StartsWith("x.yaml", line, StringComparison.Ordinal));
            return;
        }

        RuleChecker.Check(document, new HostCapacity(2));
    }
}
