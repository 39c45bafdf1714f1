using System.Globalization;
using System.Net;
using CsCheck;

namespace VirtualServices.Rules.Tests;

/// <summary>A valid file to break, and random rule sets.</summary>
internal static class Samples
{
    /// <summary>Lines are counted by the tests: line 1 is version.</summary>
    public const string Valid = """
        version: 1
        virtualServices:
          - name: acme
            cpu: { weight: 200, max: 1.5 }
            network: { weight: 50, assured: 10mbit, max: 300mbit }
            limits: { processes: 20, sockets: 200, onLimit: block }
            frontDoors: [ { unit: shop.service }, { client: 10.1.0.0/16 } ]
          - name: other
            parent: acme
            priority: 3
        services:
          - name: postgres
            match: { listen: tcp/5432 }
        gates:
          - id: pg
            service: postgres
            on: receive
            when: { listen: tcp/5432, requester: [acme, other] }
            classify: requester
            binds: process
            state: proposed
            evidence: { sessions: 1, observed: 3, agreed: 2, contradicted: 1, unknown: 0, lostEvents: 0, confidence: 0.5, pattern: p, samples: [ one ] }
            review: { by: "", at: "", note: "", digest: "" }

        """;

    private static readonly Gen<string> Name = Gen.Select(Gen.Char['a', 'z'], Gen.String[Gen.Char["abcXYZ019-_."], 0, 20], (first, rest) => first + rest);

    private static readonly Gen<string> FreeText = Gen.OneOf(
        Gen.String[Gen.Char["ab:#{}[]\"'\\,&*!|>%@` -?~\n\t0123456789\u00e9\u2028\u0001"], 0, 30],
        Gen.OneOf("", "null", "~", "yes", "1.5", "0x10", "- a", "a: b", "# c", "\U0001F600", " lead", "trail "));

    private static readonly Gen<ListenAddress> Listen = Gen.OneOf(
        Gen.Int[1, 65535].Select(port => new ListenAddress(TransportProtocol.Tcp, null, port, "")),
        Gen.Int[1, 65535].Select(port => new ListenAddress(TransportProtocol.Udp, IPAddress.Parse("127.0.0.1"), port, "")),
        Gen.Int[1, 65535].Select(port => new ListenAddress(TransportProtocol.Tcp, IPAddress.Parse("2001:db8::1"), port, "")),
        FreeText.Select(text => new ListenAddress(TransportProtocol.Unix, null, 0, "/run/" + text)),
        FreeText.Select(text => new ListenAddress(TransportProtocol.Unix, null, 0, "@x" + text)));

    private static readonly Gen<Selector> ServiceSelector = Gen.OneOf(
        Listen.Select(listen => new Selector(SelectorKind.Listen, listen.ToString())),
        Gen.Int[1, 99999].Select(pid => new Selector(SelectorKind.Pid, pid.ToString(CultureInfo.InvariantCulture))),
        Gen.UInt.Select(uid => new Selector(SelectorKind.Uid, uid.ToString(CultureInfo.InvariantCulture))),
        FreeText.Select(text => new Selector(SelectorKind.Exe, "/usr/bin/" + text)),
        FreeText.Select(text => new Selector(SelectorKind.Cgroup, "/x/" + text)),
        FreeText.Select(text => new Selector(SelectorKind.Unit, "u" + text.Replace("/", "", StringComparison.Ordinal))));

    private static readonly Gen<Selector> Door = Gen.OneOf(ServiceSelector, Gen.Int[0, 255].Select(net => new Selector(SelectorKind.Client, $"10.{net}.0.0/16")));

    private static readonly Gen<MemberLimits?> Limits = Gen.OneOf<MemberLimits?>(
        null,
        new MemberLimits(1, null, LimitAction.Block, ""),
        new MemberLimits(null, 7, LimitAction.BestEffort, ""),
        new MemberLimits(5, int.MaxValue, LimitAction.Errno, "ENOMEM"));

    private static readonly Gen<CpuShare> Cpu = Gen.Select(
        Gen.Int[1, 10000], Gen.Double[0.01, 65536], Gen.Bool, (weight, max, has) => new CpuShare(weight, has ? max : null));

    private static readonly Gen<NetworkShare> Network = Gen.Select(
        Gen.Int[1, 10000], Gen.Long[1, long.MaxValue], Gen.Long[1, 1000], Gen.Int[0, 3],
        (weight, odd, round, has) => new NetworkShare(weight, (has & 1) == 0 ? null : odd, (has & 2) == 0 ? null : round * 1_000_000));

    private static readonly Gen<EvidenceSample> Sample = Gen.Select(
        FreeText, Gen.Long[0, long.MaxValue], Gen.Int[0, int.MaxValue], Gen.ULong, FreeText, (session, ts, pid, conn, what) => new EvidenceSample(session, ts, pid, conn, "acme", what));

    private static readonly Gen<GateEvidence?> Evidence = Gen.Select(
        Gen.Int[0, 9], Gen.Long[0, long.MaxValue], Gen.Double[0, 1], FreeText, Sample.List[0, 3], Gen.Bool,
        (sessions, count, confidence, pattern, samples, has) => has
            ? new GateEvidence(sessions, count, count, 1, 2, 3, confidence, pattern, samples, [.. samples.Take(1)])
            : null);

    private static readonly Gen<GateReview> Review = Gen.Select(
        FreeText, FreeText, Gen.Bool, (by, note, has) => has ? new GateReview(by, "2026-01-31T09:30:00Z", note, "sha256:" + new string('a', 64)) : new GateReview(by, "", note, ""));

    public static readonly Gen<RuleSet> RuleSets =
        from names in Name.HashSet[1, 5]
        from serviceNames in Name.HashSet[1, 3]
        from virtualServices in Gen.Select(Gen.Int, Cpu, Network, Limits, Door.HashSet[0, 3], (priority, cpu, network, limits, doors) => (priority, cpu, network, limits, doors)).Array[names.Count]
        from matches in ServiceSelector.HashSet[1, 3].Array[serviceNames.Count]
        from bestEffort in Gen.Select(Cpu, Network)
        let all = names.Select((name, i) => new VirtualService(
            name,
            i > 0 && i % 2 == 0 ? names.First() : null,
            virtualServices[i].priority,
            virtualServices[i].cpu,
            virtualServices[i].network,
            virtualServices[i].limits,
            [.. virtualServices[i].doors])).ToArray()
        let services = serviceNames.Select((name, i) => new Service(name, [.. matches[i]])).ToArray()
        from gates in GateOf([.. names], [.. serviceNames]).Array[0, 4]
        select new RuleSet(
            [.. all, new VirtualService(VirtualService.BestEffort, null, 0, bestEffort.Item1, bestEffort.Item2, null, [])],
            services,
            [.. gates.Select((gate, i) => gate with { Id = $"gate-{i}" })]);

    private static Gen<Gate> GateOf(string[] names, string[] services) =>
        from service in Gen.OneOf(services)
        from call in Gen.Enum<GateCall>()
        from listen in Listen
        from has in Gen.Int[0, 3]
        from requesters in Gen.OneOf(names).HashSet[0, names.Length]
        from classify in Gen.OneOf([.. names.Select(name => new Classification(ClassificationKind.Named, name)), new Classification(ClassificationKind.Requester), new Classification(ClassificationKind.Creator), new Classification(ClassificationKind.Keep)])
        from binds in Gen.Enum<BindScope>()
        from state in Gen.Enum<GateState>()
        from evidence in Evidence
        from review in Review
        select new Gate("", service, call, new GateCondition((has & 1) == 0 ? null : listen, (has & 2) == 0 ? null : [.. requesters]), classify, binds, state, evidence, review);
}
