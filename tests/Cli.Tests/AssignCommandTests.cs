using VirtualServices.Cli.Commands;
using VirtualServices.Enforce;

namespace VirtualServices.Cli.Tests;

public sealed class AssignCommandTests : CommandTest
{
    [Fact]
    public void Each_process_has_its_line()
    {
        (string output, string asked) = Run(["acme", "7", "8", "9"], none: false);
        Assert.Equal("acme 7 8 9", asked);
        Assert.Equal("7 (sh) works for acme; was not governed before\n8 (s?h) works for acme; before: other\n9 (sh) works for acme; as before\n", output);
    }

    [Fact]
    public void Given_back_processes_say_what_the_rules_make_of_them()
    {
        (string output, string asked) = Run(["7", "8"], none: true);
        Assert.Equal("- 7 8", asked);
        Assert.Equal("7 (sh) is not governed any more; before: acme\n8 (sh) works for other by the rules; before: acme\n", output);
    }

    [Fact]
    public void Json_is_one_document()
    {
        (string output, _) = Run(["acme", "7"], none: false, json: true);
        using System.Text.Json.JsonDocument document = System.Text.Json.JsonDocument.Parse(output);
        Assert.Equal([7, 8, 9], document.RootElement.GetProperty("processes").EnumerateArray().Select(one => one.GetProperty("pid").GetInt32()));
    }

    [Theory]
    [InlineData("acme")]
    [InlineData("acme", "0")]
    [InlineData("acme", "+7")]
    [InlineData("acme", "7.0")]
    [InlineData("acme", "99999999999")]
    [InlineData("acme", "7", "")]
    [InlineData("--none")]
    [InlineData("--none", "acme", "7")]
    [InlineData("acme", "-7")]
    public void Wrong_words_are_usage_errors(params string[] words)
    {
        (int code, string output, _) = Vs(["assign", .. words]);
        Assert.Equal((2, ""), (code, output));
    }

    private (string Output, string Asked) Run(string[] words, bool none, bool json = false)
    {
        using StringWriter output = new();
        string asked = "";
        CommandContext context = new(output, output, Terminal, TimeProvider.System, _ => null);
        Assert.Equal(ExitCode.Done, AssignCommand.Run(
            words,
            none,
            json,
            context,
            (vs, pids) =>
            {
                asked = $"{vs} {string.Join(' ', pids)}";
                return [new MembershipChange(7, "sh", vs, ""), new MembershipChange(8, "s\u001bh", vs, "other"), new MembershipChange(9, "sh", vs, vs)];
            },
            pids =>
            {
                asked = $"- {string.Join(' ', pids)}";
                return [new MembershipChange(7, "sh", "", "acme"), new MembershipChange(8, "sh", "other", "acme")];
            }));
        return (output.ToString(), asked);
    }
}
