namespace VirtualServices.Rules.Tests;

public sealed class CheckerTests
{
    private const string Head = """
        version: 1
        virtualServices:
          - { name: a, priority: 1 }
          - { name: b, priority: 5 }
        services:
          - { name: s, match: { listen: tcp/80 } }
        gates:

        """;

    /// <summary>Gates (from line 8 on) and the findings: line, severity, part of the text.</summary>
    public static readonly TheoryData<string, string[]> Gates = new()
    {
        { "{ id: x, service: s, on: receive, classify: requester, binds: process }", [] },
        { "{ id: x, service: s, on: fork, classify: requester, binds: process }", ["8 Error nobody is asking at fork"] },
        { "{ id: x, service: s, on: send, classify: requester, binds: process }", ["8 Error nobody is asking at send"] },
        { "{ id: x, service: s, on: fork, classify: creator, binds: process }", [] },
        { "{ id: x, service: s, on: fork, when: { requester: a }, classify: creator, binds: process }", ["8 Error nobody is asking at fork, so a narrowing by requester can never hold"] },
        { "{ id: x, service: s, on: receive, when: { requester: [] }, classify: creator, binds: process }", ["8 Error requester: [] can never hold"] },
        { "{ id: x, service: s, on: connect, when: { listen: tcp/80 }, classify: creator, binds: process }", ["8 Error a narrowing by listen can never hold at connect"] },
        { "{ id: x, service: s, on: accept, when: { listen: udp/80 }, classify: requester, binds: process }", ["8 Error udp/80 can never hold at accept"] },
        { "{ id: x, service: s, on: accept, when: { listen: tcp/81 }, classify: requester, binds: process }", ["8 Error tcp/81 can never hold: service 's' is matched by other addresses only (listen:tcp/80)"] },
        { "{ id: x, service: s, on: accept, when: { listen: unix//s }, classify: requester, binds: process }", [] },
        { "{ id: x, service: s, on: exec, classify: a, binds: thread }", ["8 Error there is no thread to bind at exec; process fits"] },
        { "{ id: x, service: s, on: fork, classify: a, binds: connection }", ["8 Error there is no connection to bind at fork"] },
        { "{ id: x, service: s, on: accept, classify: a, binds: request }", ["8 Error there is no request to bind at accept"] },
        { "{ id: x, service: s, on: accept, classify: keep, binds: process }", ["8 Warning keep does nothing here"] },
        { "{ id: x, service: s, on: fork, classify: requester, binds: request, state: rejected }", [] },
        {
            "{ id: x, service: s, on: receive, classify: requester, binds: process }\n  - { id: y, service: s, on: receive, classify: requester, binds: process }",
            ["9 Error says the same as gate 'x' in line 8"]
        },
        {
            "{ id: x, service: s, on: receive, classify: requester, binds: process }\n  - { id: y, service: s, on: receive, classify: keep, binds: process }",
            ["9 Error never acts: for every requester 'x' (line 8) wins"]
        },
        {
            // The one that names a virtual service wins over the one that names none, wherever it stands.
            "{ id: x, service: s, on: receive, classify: requester, binds: process }\n  - { id: y, service: s, on: receive, classify: a, binds: process }",
            ["8 Error never acts: for every requester 'y' (line 9) wins"]
        },
        {
            // The higher priority wins, though it is wider.
            "{ id: x, service: s, on: receive, when: { requester: a }, classify: requester, binds: process }\n  - { id: y, service: s, on: receive, classify: b, binds: process }",
            ["8 Error never acts: for every requester 'y' (line 9) wins"]
        },
        {
            "{ id: x, service: s, on: receive, when: { requester: [a, b], listen: tcp/80 }, classify: requester, binds: process }\n  - { id: y, service: s, on: receive, when: { requester: b }, classify: b, binds: process }\n  - { id: z, service: s, on: receive, when: { requester: a }, classify: b, binds: process }",
            ["8 Warning loses to the wider gate 'z' (line 10) for requester 'a'"]
        },
        {
            "{ id: x, service: s, on: receive, when: { requester: [a, bestEffort] }, classify: requester, binds: process }\n  - { id: y, service: s, on: receive, classify: bestEffort, binds: process }",
            []
        },
        {
            // An exception to a wide gate is what narrow gates are for.
            "{ id: x, service: s, on: receive, classify: requester, binds: process }\n  - { id: y, service: s, on: receive, when: { requester: a }, classify: keep, binds: process }",
            []
        },
        {
            "{ id: x, service: s, on: receive, when: { listen: tcp/80 }, classify: requester, binds: process }\n  - { id: y, service: s, on: accept, when: { listen: tcp/80 }, classify: requester, binds: process }",
            []
        },
        { "{ id: x, service: s, on: receive, classify: requester, binds: process, evidence: { observed: 2, agreed: 1 } }", ["8 Warning evidence does not add up: agreed 1 + contradicted 0 + unknown 0 is not observed 2"] },
        { "{ id: x, service: s, on: receive, classify: requester, binds: process, state: approved }", ["8 Error says approved but carries no digest"] },
        {
            "{ id: x, service: s, on: receive, classify: requester, binds: process, state: approved, review: { digest: \"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" } }",
            ["8 Error was edited after its approval"]
        },
    };

    [Theory]
    [MemberData(nameof(Gates))]
    public void Gates_that_do_not_do_what_they_say_are_found(string gates, string[] expected) => Expect(Head + "  - " + gates + "\n", expected, null);

    /// <summary>Virtual services (from line 3 on) and the findings on a machine with 2 CPUs and 1 gbit/s.</summary>
    public static readonly TheoryData<string, string[]> Shares = new()
    {
        { "{ name: a, cpu: { max: 2 } }", [] },
        { "{ name: a, cpu: { max: 2.5 } }", ["3 Error cpu max 2.5 is above the machine's 2 CPUs"] },
        { "{ name: a, cpu: { max: 1 } }\n  - { name: m, parent: a }\n  - { name: b, parent: m, cpu: { max: 1.5 } }", ["5 Error cpu max 1.5 is above the 1 of 'a'"] },
        { "{ name: a, network: { max: 1mbit } }\n  - { name: b, parent: a, network: { max: 2mbit } }", ["4 Error network max 2mbit is above the 1mbit of 'a'"] },
        { "{ name: a, network: { assured: 2mbit, max: 1mbit } }", ["3 Error assured 2mbit is above its own max 1mbit"] },
        {
            "{ name: a, network: { max: 3mbit } }\n  - { name: b, parent: a, network: { assured: 2mbit } }\n  - { name: m, parent: a }\n  - { name: c, parent: m, network: { assured: 2mbit } }",
            ["3 Error the assured rates of its children add up to 4mbit, above its network max 3mbit"]
        },
        { "{ name: a, network: { assured: 600mbit } }\n  - { name: b, network: { assured: 600mbit } }", ["5 Error network: assured rates add up to 1200mbit, more than the 1gbit of the machine"] },
        { "{ name: a, network: { assured: 9223372tbit } }\n  - { name: b, network: { assured: 9223372tbit } }", ["3 Error assured 9223372tbit is above", "4 Error assured", "5 Error network: assured rates add up to"] },
        { "{ name: a, frontDoors: [ { host: Shop.example } ] }\n  - { name: b, frontDoors: [ { host: shop.EXAMPLE. } ] }", ["4 Error front door host:shop.example belongs to virtual service 'a' already"] },
        { "{ name: a, frontDoors: [ { uid: 5 } ] }\n  - { name: b, frontDoors: [ { uid: 5 } ] }", ["4 Error front door uid:5 belongs to virtual service 'a' already"] },
        { "{ name: a, frontDoors: [ { pid: 5 } ] }", ["3 Warning pid:5 does not survive a restart"] },
    };

    /// <summary>Files (from line 2 on) with devices, and the findings on a machine whose links nobody knows.</summary>
    public static readonly TheoryData<string, string[]> Devices = new()
    {
        { "virtualServices:\n  - { name: a, network: { max: 1mbit } }", [] },
        { "virtualServices:\n  - { name: bestEffort, network: { weight: 5 } }", [] },
        {
            "virtualServices:\n  - { name: a, network: { assured: 60mbit } }\nnetwork: { devices: [ { name: eth0, rate: 1gbit }, { name: lo, netns: shop, rate: 50mbit } ] }",
            ["3 Error assured 60mbit is above the 50mbit of device lo@shop", "4 Error network: assured rates add up to 60mbit, more than the 50mbit of device lo@shop"]
        },
        {
            "virtualServices:\n" + string.Concat(Enumerable.Range(1, 8).Select(i => $"  - {{ name: a{i}{(i > 1 ? $", parent: a{i - 1}" : "")} }}\n")) + "network: { devices: [ { name: eth0, rate: 1gbit } ] }",
            ["10 Error stands below 7 others"]
        },
    };

    [Theory]
    [MemberData(nameof(Devices))]
    public void Shares_that_a_device_cannot_give_are_found(string text, string[] expected) => Expect("version: 1\n" + text + "\n", expected, new HostCapacity(2));

    [Theory]
    [MemberData(nameof(Shares))]
    public void Shares_that_cannot_be_met_are_found(string virtualServices, string[] expected) =>
        Expect("version: 1\nvirtualServices:\n  - " + virtualServices + "\nnetwork: { devices: [ { name: eth0 } ] }\n", expected, new HostCapacity(2, 1_000_000_000));

    [Fact]
    public void A_proposed_gate_that_would_beat_an_approved_one_is_a_warning()
    {
        string text = Head + "  - { id: x, service: s, on: receive, classify: requester, binds: process }\n  - { id: y, service: s, on: receive, classify: a, binds: process }\n";
        RuleDocument document = RuleFile.Parse(text, "x.yaml");
        GateVerdict verdict = RuleEditor.MakeVerdict(document, document.Rules.Gates[0], GateState.Approved, "ada", "", TimeProvider.System);
        RuleDocument approved = RuleEditor.Apply(document, new Dictionary<string, GateVerdict> { ["x"] = verdict });
        Finding finding = Assert.Single(RuleChecker.Check(approved));
        Assert.Equal((Severity.Warning, "gate 'x'", 8), (finding.Severity, finding.Subject, finding.Line));
        Assert.StartsWith("will never act once 'y' (line 9) is approved", finding.Text, StringComparison.Ordinal);
    }

    private static void Expect(string text, string[] expected, HostCapacity? capacity)
    {
        IReadOnlyList<Finding> findings = RuleChecker.Check(RuleFile.Parse(text, "x.yaml"), capacity);
        string[] found = [.. findings.Select(finding => $"{finding.Line} {finding.Severity} {finding.Text}")];
        Assert.True(expected.Length == found.Length, string.Join('\n', found));
        Assert.All(expected.Zip(found), pair => Assert.StartsWith(pair.First, pair.Second, StringComparison.Ordinal));
    }
}
