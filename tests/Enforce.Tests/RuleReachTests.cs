using VirtualServices.Enforce.Rules;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Tests;

public sealed class RuleReachTests
{
    [Theory]
    [InlineData(GateCall.Receive, "tcp/5432", BindScope.Process, false)]
    [InlineData(GateCall.Accept, "tcp/127.0.0.1:5432", BindScope.Connection, false)]
    [InlineData(GateCall.Fork, null, BindScope.Process, false)]
    [InlineData(GateCall.Exec, null, BindScope.Process, false)]
    [InlineData(GateCall.Socket, null, BindScope.Connection, false)]
    [InlineData(GateCall.Receive, null, BindScope.Process, true)]
    [InlineData(GateCall.Connect, null, BindScope.Connection, true)]
    [InlineData(GateCall.Receive, "udp/53", BindScope.Thread, true)]
    [InlineData(GateCall.Accept, "unix//run/db.sock", BindScope.Process, true)]
    [InlineData(GateCall.Receive, "tcp/5432", BindScope.Request, false)]
    [InlineData(GateCall.Receive, null, BindScope.Request, true)]
    public void Programs_for_more_than_tcp_are_needed_where_a_gate_can_meet_more(GateCall on, string? listen, BindScope binds, bool more)
    {
        RuleSet rules = Rules(Given.Gate("g", on: on, listen: listen, binds: binds));
        Assert.Equal(more, RuleReach.BeyondTcp(rules));
        Assert.True(RuleReach.BeyondTcp(rules with { Devices = [new GovernedDevice("eth0")] }), "replies of all kinds are classified for the network");
    }

    [Theory]
    [InlineData(GateState.Approved, true)]
    [InlineData(GateState.Proposed, true)]
    [InlineData(GateState.Rejected, false)]
    public void A_rejected_gate_meets_nothing(GateState state, bool more) =>
        Assert.Equal(more, RuleReach.BeyondTcp(Rules(Given.Gate("g", listen: "udp/53", state: state))));

    [Fact]
    public void Names_are_read_where_a_front_door_has_one()
    {
        RuleSet rules = Rules(Given.Gate("g"));
        Assert.False(RuleReach.Of(rules).Names);
        Assert.True(RuleReach.Of(rules with { VirtualServices = [Given.Vs("a"), Given.Vs("b") with { FrontDoors = [new Selector(SelectorKind.Uid, "1"), new Selector(SelectorKind.Host, "x.example")] }] }).Names);
    }

    private static RuleSet Rules(Gate gate) => new([], [], [gate]);
}
