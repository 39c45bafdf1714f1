using CsCheck;
using VirtualServices.Linux.Processes;
using VirtualServices.Rules.Checks;

namespace VirtualServices.Rules.Tests;

/// <summary>The checks of conflicts find what comparing each gate with each finds, for each requester, without doing so.</summary>
public sealed class ConflictTests
{
    private static readonly string?[] Addresses = [null, "tcp/80", "tcp/127.0.0.1:80", "tcp/127.0.0.2:80", "tcp/81", "udp/80", "unix//run/x", "unix//run/y"];

    private static readonly Gen<string> Gate = Gen.Select(
        Gen.Int[0, Addresses.Length - 1],
        Gen.OneOf("", "requester: a", "requester: [b, a]", "requester: [a, b]", "requester: [c]", "requester: [c, bestEffort, b]", "requester: []"),
        Gen.OneOf("requester", "keep", "a", "b", "c"),
        Gen.OneOf("process", "thread"),
        Gen.OneOf("proposed", "approved", "approved", "rejected"),
        Gen.OneOf("receive", "receive", "accept"),
        (listen, requesters, classify, binds, state, on) =>
        {
            string when = string.Join(", ", new[] { Addresses[listen] is { } address ? $"listen: \"{address}\"" : "", requesters }.Where(text => text.Length > 0));
            return $"service: s, on: {on}, when: {{ {when} }}, classify: {classify}, binds: {binds}, state: {state}";
        });

    [Fact]
    public void Comparing_each_with_each_finds_the_same() =>
        Gen.Select(Gate.Array[0, 9], Gen.Int[-1, 1].Array[3]).Sample(
            (gates, priorities) =>
            {
                string text = $$"""
                    version: 1
                    virtualServices: [ { name: a, priority: {{priorities[0]}} }, { name: b, priority: {{priorities[1]}} }, { name: c, priority: {{priorities[2]}} } ]
                    services: [ { name: s, match: { uid: 5 } } ]
                    gates:
                    {{string.Concat(gates.Select((gate, i) => $"  - {{ id: g{i}, {gate} }}\n"))}}
                    """;
                if (gates.Length == 0) text = text.Replace("gates:", "gates: []", StringComparison.Ordinal);
                RuleDocument document = Approved(text);
                Assert.Equal(Definition(document), ConflictChecks.Check(document));
            },
            iter: 5_000);

    [Fact]
    public void Sixteen_times_the_gates_and_requesters_take_no_256_times_the_time()
    {
        // In between on a logarithmic scale: 64.
        double few = Milliseconds(100, tries: 9), many = Milliseconds(1600, tries: 3);
        Assert.True(many < 64 * few, $"{few} ms, {many} ms");

        static double Milliseconds(int tenants, int tries)
        {
            IEnumerable<int> all = Enumerable.Range(0, tenants);
            string text = "version: 1\nvirtualServices:\n" + string.Concat(all.Select(i => $"  - {{ name: t{i} }}\n")) + "services: [ { name: s, match: { uid: 5 } } ]\ngates:\n"
                + string.Concat(all.Select(i => $"  - {{ id: g{i}, service: s, on: receive, when: {{ requester: t{i} }}, classify: requester, binds: process }}\n"));
            RuleDocument document = RuleFile.Parse(text, "x.yaml");
            double least = double.MaxValue;
            for (int i = 0; i < tries; i++)
            {
                long start = ThreadClock.Nanoseconds(); // not the time that passes: on a busy machine the longer piece of work is interrupted more often
                Assert.Empty(RuleChecker.Check(document));
                least = Math.Min(least, (ThreadClock.Nanoseconds() - start) / 1e6);
            }

            return least;
        }
    }

    // Gates that say approved get the digest that makes them so, except the first of the file.
    private static RuleDocument Approved(string text)
    {
        RuleSet rules = RuleFile.Parse(text, "x.yaml").Rules;
        Gate[] gates = [.. rules.Gates.Select((gate, i) => i == 0 ? gate : gate with { Review = new GateReview("ada", "", "", GateDigest.Of(gate, rules)) })];
        return RuleFile.Parse(RuleText.Write(rules with { Gates = gates }, ""), "x.yaml");
    }

    private static List<Finding> Definition(RuleDocument document)
    {
        List<Finding> findings = [];
        GatePrecedence precedence = new(document.Rules);
        string?[] everybody = [.. document.Rules.VirtualServices.Select(vs => vs.Name), null];
        foreach (IGrouping<(string, GateCall), Gate> group in document.Rules.Gates.Where(gate => gate.State != GateState.Rejected).GroupBy(gate => (gate.Service, gate.On)))
        {
            Gate[] gates = [.. group];
            foreach (Gate gate in gates)
                if (Find(gate, gates) is var (severity, said)) findings.Add(new Finding(severity, $"gate '{gate.Id}'", document.LineOfGate(gate.Id), said));
        }

        return findings;

        (Severity, string)? Find(Gate gate, Gate[] gates)
        {
            int index = Array.IndexOf(gates, gate);
            if (gates[..index].FirstOrDefault(other => SaysTheSame(other, gate)) is { } twin) return (Pending(gate, twin) ? Severity.Warning : Severity.Error, $"says the same as gate '{twin.Id}' in line {document.LineOfGate(twin.Id)}; remove one of them");
            string?[] own = [.. everybody.Where(requester => Matches(gate, requester))];
            (string? Requester, Gate Winner)[] lost =
            [
                .. own.SelectMany(requester => gates.Where(other => other != gate && Covers(other.When.Listen, gate.When.Listen) && Matches(other, requester) && Wins(other, gate, requester)).Take(1).Select(winner => (requester, winner))),
            ];
            if (lost.Length > 0 && lost.Length == own.Length)
            {
                Gate[] winners = [.. gates.Where(other => lost.Any(one => one.Winner == other))];
                string by = string.Join(", ", winners.Select(winner => $"'{winner.Id}' (line {document.LineOfGate(winner.Id)})"));
                return winners.Any(winner => Pending(gate, winner))
                    ? (Severity.Warning, $"will never act once {by} is approved, which then always wins")
                    : (Severity.Error, $"never acts: for every requester {by} wins; remove it, narrow the other or raise the priority of the virtual service that it names");
            }

            (string? requester, Gate wider) = lost.LastOrDefault(one => GatePrecedence.Specificity(one.Winner) < GatePrecedence.Specificity(gate));
            return wider is null ? null : (Severity.Warning, $"loses to the wider gate '{wider.Id}' (line {document.LineOfGate(wider.Id)}) for requester '{requester}': that one names a virtual service of higher priority");

            bool Wins(Gate a, Gate b, string? asks) => precedence.Compare(a, b, asks) is var order && (order > 0 || (order == 0 && Array.IndexOf(gates, a) < index));
        }

        bool Pending(Gate gate, Gate other) => document.EffectiveState(gate) == GateState.Approved && document.EffectiveState(other) != GateState.Approved;
        static bool Matches(Gate gate, string? requester) => gate.When.Requesters is null || (requester is not null && gate.When.Requesters.Contains(requester));
        static bool SaysTheSame(Gate a, Gate b) =>
            a.When.Listen == b.When.Listen && a.Classify == b.Classify && a.Binds == b.Binds
            && (a.When.Requesters is null ? b.When.Requesters is null : b.When.Requesters is not null && a.When.Requesters.ToHashSet().SetEquals(b.When.Requesters));
        static bool Covers(ListenAddress? outer, ListenAddress? inner) =>
            outer is null || outer == inner || (inner is not null && outer.Address is null && outer.Protocol == inner.Protocol && outer.Protocol != TransportProtocol.Unix && outer.Port == inner.Port);
    }
}
