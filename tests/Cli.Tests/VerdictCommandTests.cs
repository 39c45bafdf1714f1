namespace VirtualServices.Cli.Tests;

public sealed class VerdictCommandTests : CommandTest
{
    [Fact]
    public void Approving_changes_two_values_of_the_gate_and_nothing_else()
    {
        (int code, string output, string error) = Vs("approve", RulesPath, "--gate", "one", "--by", "Ada", "--note", "two days");
        Assert.Equal((0, $"{RulesPath}: 1 gate approved: one\n", ""), (code, output, error));
        RuleSet before = RuleFile.Parse(Rules, "x").Rules;
        string expected = Rules
            .Replace("state: proposed   # yet", "state: approved   # yet", StringComparison.Ordinal)
            .Replace(
                "{ by: \"\", at: \"\", note: \"\", digest: \"\" }",
                $"{{ by: \"Ada\", at: \"2026-01-31T09:30:00Z\", note: \"two days\", digest: \"{GateDigest.Of(before.Gates[0], before)}\" }}",
                StringComparison.Ordinal);
        Assert.Equal(expected, Text);
        Assert.Equal(GateState.Approved, RuleFile.Load(RulesPath).EffectiveState(RuleFile.Load(RulesPath).Rules.Gates[0]));
    }

    [Fact]
    public void An_unknown_gate_names_the_known_ones_and_changes_nothing()
    {
        (int code, string output, string error) = Vs("approve", RulesPath, "--gate", "one", "three", "--by", "ada");
        Assert.Equal((2, "", $"vs: {RulesPath} has no gate 'three': it has one, two; nothing was changed\n"), (code, output, error));
        Assert.Equal(Rules, Text);
    }

    [Theory]
    [InlineData("--by", "ada")]
    [InlineData("--all", "--gate", "one", "--by", "ada")]
    [InlineData("--all", "--by", " ")]
    public void Unclear_wishes_change_nothing(params string[] args)
    {
        Assert.Equal(2, Vs(["approve", RulesPath, .. args]).Code);
        Assert.Equal(Rules, Text);
    }

    [Theory]
    [InlineData("approve", "ada\nstate: approved", "U+000A")]
    [InlineData("reject", "\u001b[2Jada", "U+001B")]
    [InlineData("approve", "ada\u2028", "U+2028")]
    public void A_name_with_control_characters_is_refused(string verdict, string by, string said)
    {
        (int code, string output, string error) = Vs(verdict, RulesPath, "--all", "--by", by);
        Assert.Equal((2, "", $"vs: --by has the control character {said}: give the name of whoever decides, in one line\n"), (code, output, error));
        Assert.Equal(Rules, Text);
        Terminal = new FakeTerminal("a");
        Assert.Equal((2, error), (Vs("review", RulesPath, "--by", by).Code, Vs("review", RulesPath, "--by", by).Error));
        Assert.Equal(Rules, Text);
    }

    [Fact]
    public void All_keeps_earlier_approvals_and_rejections_apart()
    {
        Assert.Equal(0, Vs("reject", RulesPath, "--gate", "one", "--by", "bob").Code);
        (int code, string output, string error) = Vs("approve", RulesPath, "--all", "--by", "ada");
        Assert.Equal((0, $"{RulesPath}: 1 gate approved: two\n", "vs: 1 rejected before and left so; name them with --gate to approve them\n"), (code, output, error));
        Assert.Equal([("bob", GateState.Rejected), ("ada", GateState.Approved)], Reviews());

        string once = Text;
        Assert.Equal($"{RulesPath}: 0 gates approved\n", Vs("approve", RulesPath, "--all", "--by", "eve").Out);
        Assert.Equal(once, Text);

        Assert.Equal(0, Vs("approve", RulesPath, "--gate", "one", "--by", "cy").Code);
        Assert.Equal([("cy", GateState.Approved), ("ada", GateState.Approved)], Reviews());

        Assert.Equal($"{RulesPath}: 2 gates rejected: one, two\n", Vs("reject", RulesPath, "--all", "--by", "dan").Out);
        Assert.Equal([("dan", GateState.Rejected), ("dan", GateState.Rejected)], Reviews());
    }

    [Fact]
    public void An_edited_gate_is_approved_again_by_all()
    {
        Assert.Equal(0, Vs("approve", RulesPath, "--all", "--by", "ada").Code);
        File.WriteAllText(RulesPath, Text.Replace("classify: creator", "classify: acme", StringComparison.Ordinal));
        Assert.Equal($"{RulesPath}: 1 gate approved: two\n", Vs("approve", RulesPath, "--all", "--by", "bob").Out);
        Assert.Equal([("ada", GateState.Approved), ("bob", GateState.Approved)], Reviews());
    }

    [Fact]
    public void A_broken_file_is_not_touched()
    {
        string broken = Rules.Replace("version: 1", "version: 7", StringComparison.Ordinal);
        File.WriteAllText(RulesPath, broken);
        Assert.Equal(3, Vs("approve", RulesPath, "--all", "--by", "ada").Code);
        Assert.Equal(broken, Text);
    }

    private IEnumerable<(string By, GateState State)> Reviews() => RuleFile.Load(RulesPath).Rules.Gates.Select(gate => (gate.Review.By, gate.State));
}
