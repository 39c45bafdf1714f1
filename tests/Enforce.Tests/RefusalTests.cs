using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Rules;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Tests;

public sealed class RefusalTests
{
    public static TheoryData<string, string> Refused => new()
    {
        { "accept", "gate g: 'on: accept' cannot be enforced yet" },
        { "unix request", "gate g: 'binds: request' cannot be enforced on a unix socket" },
        { "two addresses", "gate g: gates that bind requests of one service must name the same address" },
        { "creator", "gate g: 'classify: creator' cannot be enforced yet" },
        { "udp", "gate g: datagrams (udp/53) cannot be enforced yet" },
        { "named", "gate g: there is no virtual service 'nobody'" },
        { "requester", "gate g: there is no virtual service 'nobody'" },
        { "limits", "virtual service a: limits cannot be enforced yet" },
        { "network", "virtual service a: network shares cannot be enforced yet" },
        { "client", "virtual service a: a front door by client network (10.0.0.0/8) cannot be enforced yet" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_cannot_be_enforced_is_refused_by_name(string what, string sentence)
    {
        VirtualService a = Given.Vs("a");
        RuleSet rules = what switch
        {
            "accept" => Given.Rules([a], Given.Gate("g", on: GateCall.Accept)),
            "unix request" => Given.Rules([a], Given.Gate("g", binds: BindScope.Request, listen: "unix//run/g.sock")),
            "two addresses" => Given.Rules([a], Given.Gate("g", binds: BindScope.Request, listen: "tcp/1"), Given.Gate("h", binds: BindScope.Connection, listen: "tcp/2")),
            "creator" => Given.Rules([a], Given.Gate("g", "creator")),
            "udp" => Given.Rules([a], Given.Gate("g", listen: "udp/53")),
            "named" => Given.Rules([a], Given.Gate("g", "nobody")),
            "requester" => Given.Rules([a], Given.Gate("g", requesters: ["nobody"])),
            "limits" => Given.Rules([a with { Limits = new MemberLimits(5, null, LimitAction.Block, "") }]),
            "network" => Given.Rules([a with { Network = new NetworkShare(MaxBitsPerSecond: 1000) }]),
            _ => Given.Rules([a with { FrontDoors = [new Selector(SelectorKind.Client, "10.0.0.0/8")] }]),
        };
        VsException refused = Assert.Throws<VsException>(() => RuleCompiler.Compile(rules, new IdTable()));
        Assert.Equal(ExitCode.BadInput, refused.ExitCode);
        Assert.Contains(sentence, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_reasons_are_told_at_once()
    {
        RuleSet rules = Given.Rules([Given.Vs("a")], Given.Gate("one", on: GateCall.Fork), Given.Gate("two", binds: BindScope.Request, listen: "unix//run/g.sock"));
        string message = Assert.Throws<VsException>(() => RuleCompiler.Compile(rules, new IdTable())).Message;
        Assert.Contains("gate one", message, StringComparison.Ordinal);
        Assert.Contains("gate two", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_gate_that_is_not_approved_is_no_reason_to_refuse() =>
        RuleCompiler.Compile(Given.Rules([Given.Vs("a")], Given.Gate("g", on: GateCall.Accept, state: GateState.Proposed)), new IdTable());
}
