namespace VirtualServices.Cli.Tests;

public sealed class ReviewCommandTests : CommandTest
{
    [Fact]
    public void Without_a_terminal_it_points_to_approve()
    {
        (int code, string output, string error) = Vs("review", RulesPath);
        Assert.Equal((2, ""), (code, output));
        Assert.Equal($"vs: review needs a terminal; scripts use: vs approve {RulesPath} --gate ID... --by NAME, or vs reject\n", error);
    }

    [Fact]
    public void A_gate_is_shown_with_rule_effect_and_evidence()
    {
        Terminal = new FakeTerminal("q");
        string shown = string.Join(' ', Vs("review", RulesPath, "--by", "ada").Out.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("rule when postgres receives on tcp/5432, the process works for whoever asked", shown, StringComparison.Ordinal);
        Assert.Contains("effect CPU time of all threads of the process is charged to the virtual service that asked", shown, StringComparison.Ordinal);
        Assert.Contains("observed 5 in 1 session(s): agreed 4, contradicted 1, unknown 0; lost events 2", shown, StringComparison.Ordinal);
        Assert.Contains("sample pid 7 answered (session s1, 5 ns, pid 7, connection 9, asked by acme)", shown, StringComparison.Ordinal);
        Assert.Contains("against odd one", shown, StringComparison.Ordinal);
        Assert.EndsWith("0 approved, 0 rejected now; 2 still proposed", shown, StringComparison.Ordinal);
        Assert.Equal(Rules, Text);
    }

    [Theory]
    [InlineData("ar", GateState.Approved, GateState.Rejected)]
    [InlineData("xyaS", GateState.Approved, GateState.Proposed)]
    [InlineData("sa", GateState.Proposed, GateState.Approved)]
    [InlineData("a\u0003", GateState.Approved, GateState.Proposed)]
    [InlineData("r", GateState.Rejected, GateState.Proposed)]
    public void Keys_decide_and_each_verdict_is_written_at_once(string keys, GateState first, GateState second)
    {
        Terminal = new FakeTerminal(keys);
        Assert.Equal(0, Vs("review", RulesPath, "--by", "ada").Code);
        RuleDocument document = RuleFile.Load(RulesPath);
        Assert.Equal([first, second], document.Rules.Gates.Select(document.EffectiveState));
        Assert.Contains("# second", Text, StringComparison.Ordinal);
    }

    [Fact]
    public void What_check_finds_in_a_gate_is_shown_with_it()
    {
        File.WriteAllText(RulesPath, Rules.Replace("classify: creator", "classify: requester", StringComparison.Ordinal));
        Terminal = new FakeTerminal("s");
        Assert.Contains("nobody is asking at fork", Vs("review", RulesPath, "--by", "ada").Out, StringComparison.Ordinal);
    }

    [Fact]
    public void What_enforcing_would_refuse_of_a_gate_is_shown_with_it()
    {
        File.WriteAllText(RulesPath, Rules.Replace("on: fork,", "on: receive, when: { listen: unix//run/x.sock },", StringComparison.Ordinal));
        Terminal = new FakeTerminal("sq");
        string shown = string.Join(' ', Vs("review", RulesPath, "--by", "ada").Out.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("warning vs enforce would refuse this once it is approved: who made the socket of unix//run/x.sock", shown, StringComparison.Ordinal);
    }

    [Fact]
    public void An_edit_is_validated_before_it_reaches_the_file()
    {
        int calls = 0;
        Terminal = new FakeTerminal("eea", file =>
        {
            string text = File.ReadAllText(file);
            File.WriteAllText(file, ++calls == 1 ? text.Replace("binds: process", "binds: nothing", StringComparison.Ordinal) : text.Replace("binds: nothing", "binds: thread", StringComparison.Ordinal));
            Assert.Equal(Rules, Text);
            return 0;
        });
        (int code, string output, _) = Vs("review", RulesPath, "--by", "ada");
        Assert.Equal((0, 2), (code, calls));
        Assert.Contains(":15: binds of gate 'one' is 'nothing', expected process", output, StringComparison.Ordinal);
        RuleDocument document = RuleFile.Load(RulesPath);
        Assert.Equal((BindScope.Thread, GateState.Approved), (document.Rules.Gates[0].Binds, document.EffectiveState(document.Rules.Gates[0])));
    }

    [Fact]
    public void A_dropped_edit_and_a_failing_editor_change_nothing()
    {
        Terminal = new FakeTerminal("edq", file =>
        {
            File.WriteAllText(file, "rubbish");
            return 0;
        });
        Assert.Equal(0, Vs("review", RulesPath, "--by", "ada").Code);
        Terminal = new FakeTerminal("eq");
        Assert.Contains("'fake' ended with 127", Vs("review", RulesPath, "--by", "ada").Out, StringComparison.Ordinal);
        Assert.Equal(Rules, Text);
    }

    [Fact]
    public void Texts_of_the_file_send_no_codes_to_the_terminal()
    {
        File.WriteAllText(RulesPath, Rules.Replace("odd one", "\"\\e[2J[bold]x\"", StringComparison.Ordinal));
        Terminal = new FakeTerminal("q");
        string shown = Vs("review", RulesPath, "--by", "ada").Out;
        Assert.Contains("[2J[bold]x", shown, StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b[2J", shown, StringComparison.Ordinal);
    }
}
