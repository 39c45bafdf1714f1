namespace VirtualServices.Rules.Tests;

public sealed class DigestTests
{
    private static readonly RuleSet Rules = RuleFile.Parse(Samples.Valid, "x.yaml").Rules;

    /// <summary>Edits of the valid file and whether the digest must change.</summary>
    public static readonly TheoryData<string, string, bool> Edits = new()
    {
        { "on: receive", "on: accept", true },
        { "id: pg", "id: pg2", true },
        { "classify: requester", "classify: other", true },
        { "binds: process", "binds: thread", true },
        { "requester: [acme, other]", "requester: [acme]", true },
        { ", requester: [acme, other]", "", true },
        { "listen: tcp/5432, requester", "listen: tcp/127.0.0.1:5432, requester", true },
        { "match: { listen: tcp/5432 }", "match: { listen: tcp/5433 }", true },
        { "match: { listen: tcp/5432 }", "match: [ { listen: tcp/5432 }, { uid: 5 } ]", true },
        { "requester: [acme, other]", "requester: [other, acme]", false },
        { "match: { listen: tcp/5432 }", "match: [ { listen: tcp/5432 } ]", false },
        { "observed: 3", "observed: 4", false },
        { "state: proposed", "state: rejected", false },
        { "note: \"\"", "note: n", false },
        { "weight: 200", "weight: 300", false },
    };

    [Theory]
    [MemberData(nameof(Edits))]
    public void The_digest_covers_what_is_enforced_and_nothing_else(string part, string with, bool changes)
    {
        Assert.Contains(part, Samples.Valid, StringComparison.Ordinal);
        RuleSet edited = RuleFile.Parse(Samples.Valid.Replace(part, with, StringComparison.Ordinal), "x.yaml").Rules;
        Assert.Equal(changes, GateDigest.Of(Rules.Gates[0], Rules) != GateDigest.Of(edited.Gates[0], edited));
    }

    /// <summary>From another program: printf of "gate/1;2:pg;8:postgres;1*15:listen:tcp/5432;7:receive;8:tcp/5432;2:of;2*4:acme;5:other;9:Requester;0:;7:process;" | sha256sum.</summary>
    [Fact]
    public void The_digest_stays_the_same_over_versions_of_the_program() =>
        Assert.Equal("sha256:9758a9f57c23d272be71082455e402cde2b9626676fe93720a270d0696042cb0", GateDigest.Of(Rules.Gates[0], Rules));

    [Fact]
    public void An_approved_gate_that_was_edited_counts_as_proposed()
    {
        Gate gate = Rules.Gates[0];
        Gate approved = gate with { State = GateState.Approved, Review = new GateReview("ada", "", "", GateDigest.Of(gate, Rules)) };
        Assert.Equal(GateState.Approved, GateDigest.EffectiveState(approved, Rules));
        Assert.Equal(GateState.Proposed, GateDigest.EffectiveState(approved with { Binds = BindScope.Thread }, Rules));
        Assert.Equal(GateState.Proposed, GateDigest.EffectiveState(gate with { State = GateState.Approved }, Rules));
        Assert.Equal(GateState.Rejected, GateDigest.EffectiveState(approved with { State = GateState.Rejected, Binds = BindScope.Thread }, Rules));
    }
}
