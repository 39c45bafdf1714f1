namespace VirtualServices.Rules.Tests;

public sealed class PrecedenceTests
{
    private static readonly RuleSet Rules = RuleFile.Parse(
        """
        version: 1
        virtualServices: [ { name: low }, { name: high, priority: 7 }, { name: negative, priority: -1 } ]
        services: [ { name: s, match: { uid: 5 } } ]
        gates:
          - { id: any, service: s, on: receive, classify: requester, binds: process }
          - { id: port, service: s, on: receive, when: { listen: tcp/80 }, classify: requester, binds: process }
          - { id: host, service: s, on: receive, when: { listen: "tcp/127.0.0.1:80" }, classify: low, binds: process }
          - { id: asked, service: s, on: receive, when: { requester: low }, classify: requester, binds: process }
          - { id: both, service: s, on: receive, when: { listen: tcp/80, requester: low }, classify: low, binds: process }
          - { id: toHigh, service: s, on: receive, classify: high, binds: process }
          - { id: toNegative, service: s, on: receive, classify: negative, binds: process }
        """,
        "x.yaml").Rules;

    [Theory]
    [InlineData("port", "any")]
    [InlineData("host", "port")]
    [InlineData("asked", "host")]
    [InlineData("both", "asked")]
    [InlineData("toHigh", "both")]
    [InlineData("toNegative", "port")]
    [InlineData("asked", "toNegative")]
    public void The_first_beats_the_second_for_a_request_of_low(string winner, string loser)
    {
        var precedence = new GatePrecedence(Rules);
        Assert.True(precedence.Compare(Gate(winner), Gate(loser), "low") > 0);
        Assert.True(precedence.Compare(Gate(loser), Gate(winner), "low") < 0);
    }

    [Fact]
    public void Equals_are_left_to_the_order_of_the_file() => Assert.Equal(0, new GatePrecedence(Rules).Compare(Gate("any"), Gate("any"), null));

    private static Gate Gate(string id) => Rules.Gates.Single(gate => gate.Id == id);
}
