using System.Globalization;
using CsCheck;

namespace VirtualServices.Rules.Tests;

public sealed class RoundTripTests
{
    [Fact]
    public void What_is_written_is_read_as_the_same_rule_set() => Samples.RuleSets.Sample(
        rules =>
        {
            string text = RuleText.Write(rules, "a comment\nof two lines");
            Assert.Equal(Json.Of(rules), Json.Of(RuleFile.Parse(text, "x.yaml").Rules));
            Assert.Equal(text, RuleText.Write(RuleFile.Parse(text, "x.yaml").Rules, "a comment\nof two lines"));
        },
        iter: 2000, print: rules => RuleText.Write(rules, ""));

    [Fact]
    public void Cultures_do_not_change_a_byte()
    {
        RuleSet rules = RuleFile.Parse(Samples.Valid, "x.yaml").Rules;
        string usual = RuleText.Write(rules, "");
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            var odd = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            odd.NumberFormat.NumberDecimalSeparator = ",";
            odd.NumberFormat.NegativeSign = "~";
            CultureInfo.CurrentCulture = odd;
            Assert.Equal(usual, RuleText.Write(RuleFile.Parse(Samples.Valid, "x.yaml").Rules, ""));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void The_written_file_is_the_golden_one()
    {
        RuleSet rules = RuleFile.Load(Path.Combine(AppContext.BaseDirectory, "Golden", "contract.yaml")).Rules;
        string golden = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", "contract-written.yaml"));
        Assert.Equal(golden, RuleText.Write(rules, "Proposed by vs infer."));
    }

    [Fact]
    public void The_contracts_example_says_what_it_says()
    {
        RuleSet rules = RuleFile.Load(Path.Combine(AppContext.BaseDirectory, "Golden", "contract.yaml")).Rules;
        Assert.Equal(["acme", "acme-shop", "other", "bestEffort"], rules.VirtualServices.Select(vs => vs.Name));
        VirtualService shop = rules.VirtualServices[1];
        Assert.Equal(("acme", 10, 200, 1.5), (shop.Parent, shop.Priority, shop.Cpu.Weight, shop.Cpu.Max));
        Assert.Equal(new NetworkShare(200, null, 300_000_000), shop.Network);
        Assert.Equal(new MemberLimits(200, 2000, LimitAction.Errno, "EAGAIN"), shop.Limits);
        Assert.Equal([new Selector(SelectorKind.Unit, "shop-web.service")], shop.FrontDoors);
        Gate gate = Assert.Single(rules.Gates);
        Assert.Equal(GateCall.Receive, gate.On);
        Assert.Equal("tcp/5432", gate.When.Listen!.ToString());
        Assert.Equal(["acme-shop", "other"], gate.When.Requesters!);
        Assert.Equal((1840, 0.998), (gate.Evidence!.Observed, gate.Evidence.Confidence));
    }

    [Fact]
    public void Best_effort_is_always_there()
    {
        VirtualService vs = Assert.Single(RuleFile.Parse("version: 1\n", "x.yaml").Rules.VirtualServices);
        Assert.Equal((VirtualService.BestEffort, 10), (vs.Name, vs.Cpu.Weight));
    }
}
