using VirtualServices.Enforce.Kernel;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Tests;

public sealed class RefusalTests
{
    public static TheoryData<string, string> Refused => new()
    {
        { "send", "gate g: nobody is asking at send" },
        { "connect", "gate g: no accepted connection is involved at connect" },
        { "accept", "gate g: datagrams (udp/53) are never accepted" },
        { "request", "gate g: there is no request to bind at accept" },
        { "answer", "gate g: 'binds: request' is enforced by admitting requests one by one, and one that is being answered cannot be held any more" },
        { "unix request", "gate g: 'binds: request' is enforced by admitting requests one by one, and requests on a unix socket (unix//run/x.sock) cannot be held" },
        { "datagram", "gate g: 'binds: request' is enforced by admitting requests one by one, and datagrams (udp/53) cannot be held" },
        { "anywhere", "gate g: 'binds: request' is enforced by admitting requests one by one, and it must be known at which address they come" },
        { "exec", "gate g: there is no thread to bind at exec" },
        { "creator", "gate g: who made the socket of unix//run/x.sock cannot be seen" },
        { "named", "gate g: there is no virtual service 'nobody'" },
        { "requester", "gate g: there is no virtual service 'nobody'" },
        { "network", "virtual service a: a network share needs a device" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_cannot_be_enforced_is_refused_by_name(string what, string sentence)
    {
        VirtualService a = Given.Vs("a");
        RuleSet rules = what switch
        {
            "send" => Given.Rules([a], Given.Gate("g", on: GateCall.Send)),
            "connect" => Given.Rules([a], Given.Gate("g", "keep", listen: "tcp/5432", on: GateCall.Connect)),
            "accept" => Given.Rules([a], Given.Gate("g", listen: "udp/53", on: GateCall.Accept)),
            "request" => Given.Rules([a], Given.Gate("g", on: GateCall.Accept, binds: BindScope.Request)),
            "answer" => Given.Rules([a], Given.Gate("g", "keep", on: GateCall.Send, binds: BindScope.Request)),
            "unix request" => Given.Rules([a], Given.Gate("g", listen: "unix//run/x.sock", binds: BindScope.Request)),
            "datagram" => Given.Rules([a], Given.Gate("g", listen: "udp/53", binds: BindScope.Request)),
            "anywhere" => Given.Rules([a], Given.Gate("g", binds: BindScope.Request)),
            "exec" => Given.Rules([a], Given.Gate("g", "keep", on: GateCall.Exec, binds: BindScope.Thread)),
            "creator" => Given.Rules([a], Given.Gate("g", "creator", listen: "unix//run/x.sock")),
            "named" => Given.Rules([a], Given.Gate("g", "nobody")),
            "requester" => Given.Rules([a], Given.Gate("g", requesters: ["nobody"])),
            _ => Given.Rules([a with { Network = new NetworkShare(MaxBitsPerSecond: 1000) }]),
        };
        VsException refused = Assert.Throws<VsException>(() => Given.Compile(rules, new IdTable()));
        Assert.Equal(ExitCode.BadInput, refused.ExitCode);
        Assert.Contains(sentence, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_reasons_are_told_at_once()
    {
        RuleSet rules = Given.Rules([Given.Vs("a")], Given.Gate("one", on: GateCall.Fork), Given.Gate("two", on: GateCall.Accept, binds: BindScope.Request));
        string message = Assert.Throws<VsException>(() => Given.Compile(rules, new IdTable())).Message;
        Assert.Contains("gate one", message, StringComparison.Ordinal);
        Assert.Contains("gate two", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Requests_are_accounted_in_an_audit() =>
        Assert.Equal((uint)BindScope.Request, Assert.Single(Given.Compile(Given.Rules([Given.Vs("a")], Given.Gate("g", binds: BindScope.Request)), new IdTable(), audit: true).Entries).Value.Scope);

    [Fact]
    public void A_gate_that_is_not_approved_is_no_reason_to_refuse() =>
        Given.Compile(Given.Rules([Given.Vs("a")], Given.Gate("g", on: GateCall.Send, state: GateState.Proposed)), new IdTable());
}
