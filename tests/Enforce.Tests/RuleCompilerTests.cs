using CsCheck;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Rules;
using VirtualServices.Linux.Processes;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Tests;

public sealed class RuleCompilerTests
{
    private static readonly VirtualService[] Tenants = [Given.Vs("low"), Given.Vs("high", priority: 10), Given.Vs("third")];

    // Gates: name, classify, listen, requesters. Then: endpoint and requester of a request, the gate that must act.
    public static TheoryData<string, string?, string?, string?> Conflicts => new()
    {
        { "all requester", null, "low", "all" },
        { "all requester", "tcp/5432", null, "all" },
        { "a requester; b high", null, "low", "b" }, // names the virtual service with the higher priority
        { "a low; b high", null, "third", "b" },
        { "b high; a low", null, "third", "b" },
        { "a low; b third", null, null, "a" }, // equal: the first in the file
        { "a requester; b keep @low", null, "low", "b" }, // more specific
        { "a requester; b keep @low", null, "third", "a" },
        { "a requester; b keep @low", null, null, "a" },
        { "b keep @low; c third @high", null, "third", null },
        { "a third @low; b keep @high,low", null, "high", "b" },
        { "a requester; b keep tcp/5432", "tcp/5432", "low", "b" },
        { "a requester; b keep tcp/5432", null, "low", "a" },
        { "a requester; b keep tcp/5432", "tcp/127.0.0.1:5432", "low", "a" }, // not an endpoint of these rules
        { "a requester tcp/5432; b keep tcp/127.0.0.1:5432", "tcp/127.0.0.1:5432", "low", "b" },
        { "a requester tcp/5432; b keep tcp/127.0.0.1:5433", "tcp/5432", "low", "a" },
        { "a keep tcp/5432; b requester @low", "tcp/5432", "low", "b" }, // a requester is more specific than an address
        { "a keep tcp/5432; b requester unix//run/x.sock", "unix//run/x.sock", "low", "b" },
        { "a keep tcp/127.0.0.1:5432; b requester tcp/5432; c low @third", "tcp/127.0.0.1:5432", "high", "a" },
        { "a keep tcp/127.0.0.1:5432; b requester tcp/5432; c low @third", "tcp/127.0.0.1:5432", "third", "c" },
    };

    [Theory]
    [MemberData(nameof(Conflicts))]
    public void The_kernel_finds_the_gate_that_wins(string gates, string? endpoint, string? requester, string? winner)
    {
        RuleSet rules = Given.Rules(Tenants, [.. gates.Split("; ").Select(Parse)]);
        IdTable ids = new();
        CompiledRules compiled = Given.Compile(rules, ids);
        uint endpointId = compiled.Endpoints.FirstOrDefault(one => one.Address.ToString() == endpoint).Id;
        uint requesterId = requester is null ? 0 : ids.Id(IdKind.VirtualService, requester);
        Rule? found = compiled.Find(ids.Id(IdKind.Service, "db"), endpointId, requesterId);
        Assert.Equal(winner, found is { } rule ? ids.Name(IdKind.Gate, rule.Gate) : null);
    }

    [Fact]
    public void Two_lookups_find_what_a_search_over_all_gates_finds()
    {
        string?[] addresses = [null, "tcp/5432", "tcp/127.0.0.1:5432", "unix//run/x.sock"];
        Gen<Gate> gate = Gen.Select(
            OneOf("requester", "keep", "low", "high", "third"),
            OneOf(addresses),
            OneOf<string[]?>(null, ["low"], ["high", "third"]),
            (classify, listen, requesters) => Given.Gate("", classify, listen, requesters));
        gate.Array[0, 6].Sample(gates =>
        {
            RuleSet rules = Given.Rules(Tenants, [.. gates.Select((one, i) => one with { Id = $"g{i}" })]);
            IdTable ids = new();
            CompiledRules compiled = Given.Compile(rules, ids);
            foreach (ListenAddress? address in compiled.Endpoints.Select(one => (ListenAddress?)one.Address).Append(null))
                foreach (string? requester in (string?[])["low", "high", "third", null])
                {
                    GatePrecedence precedence = new(rules);
                    Gate? expected = null;
                    foreach (Gate one in rules.Gates)
                        if (Matches(one, address, requester) && (expected is null || precedence.Compare(one, expected, requester) > 0)) expected = one;
                    uint endpoint = compiled.Endpoints.FirstOrDefault(one => one.Address == address).Id;
                    Rule? found = compiled.Find(ids.Id(IdKind.Service, "db"), address is null ? 0 : endpoint, requester is null ? 0 : ids.Id(IdKind.VirtualService, requester));
                    Assert.Equal(expected?.Id, found is { } rule ? ids.Name(IdKind.Gate, rule.Gate) : null);
                }
        });

        static bool Matches(Gate gate, ListenAddress? address, string? requester) =>
            (gate.When.Requesters is not { } wanted || (requester is not null && wanted.Contains(requester)))
            && (gate.When.Listen is not { } listen || listen == address || (address is { Protocol: TransportProtocol.Tcp } && listen is { Protocol: TransportProtocol.Tcp, Address: null } && listen.Port == address.Port));
    }

    [Fact]
    public void Eight_times_the_gates_and_requesters_take_no_sixty_four_times_the_time()
    {
        double few = Milliseconds(100), many = Milliseconds(800);
        Assert.True(many < 24 * few, $"{few} ms, {many} ms");

        static double Milliseconds(int tenants)
        {
            string[] names = [.. Enumerable.Range(0, tenants).Select(i => $"t{i}")];
            RuleSet rules = Given.Rules(names.Select(name => Given.Vs(name)), [.. names.Select(name => Given.Gate(name, requesters: [name])), Given.Gate("wide")]);
            double least = double.MaxValue;
            for (int i = 0; i < 9; i++)
            {
                long start = ThreadClock.Nanoseconds(); // not the time that passes: on a busy machine the longer piece of work is interrupted more often
                Assert.Equal(tenants + 1, Given.Compile(rules, new IdTable()).Entries.Count);
                least = Math.Min(least, (ThreadClock.Nanoseconds() - start) / 1e6);
            }

            return least;
        }
    }

    [Fact]
    public void Compiling_ends_when_it_is_cancelled() =>
        Assert.Throws<OperationCanceledException>(() => RuleCompiler.Compile(Given.Rules(Tenants, Given.Gate("a")), new IdTable(), cancellation: new CancellationToken(canceled: true)));

    [Fact]
    public void Only_approved_gates_are_compiled()
    {
        RuleSet rules = Given.Rules(Tenants, Given.Gate("p", state: GateState.Proposed), Given.Gate("r", on: GateCall.Fork, state: GateState.Rejected));
        Assert.Empty(Given.Compile(rules, new IdTable()).Entries);
    }

    [Fact]
    public void Numbers_stay_when_the_rules_change()
    {
        IdTable ids = new();
        Given.Compile(Given.Rules(Tenants, Given.Gate("a")), ids);
        uint high = ids.Id(IdKind.VirtualService, "high");
        Given.Compile(Given.Rules([Given.Vs("new"), Tenants[1]], Given.Gate("b"), Given.Gate("a")), ids);
        Assert.Equal(high, ids.Id(IdKind.VirtualService, "high"));
        Assert.Equal(IdTable.BestEffort, ids.Id(IdKind.VirtualService, VirtualService.BestEffort));
        Assert.NotEqual(ids.Id(IdKind.VirtualService, "new"), ids.Id(IdKind.VirtualService, "low"));
    }

    [Fact]
    public void Parents_come_before_children()
    {
        CompiledRules compiled = Given.Compile(Given.Rules([Given.Vs("c", parent: "b"), Given.Vs("b", parent: "a"), Given.Vs("a")]), new IdTable());
        Assert.Equal(["a", "b", "c"], compiled.VirtualServices.Select(vs => vs.VirtualService.Name).Where(name => name.Length == 1));
    }

    private static Gate Parse(string text)
    {
        string[] words = text.Split(' ');
        string? requesters = words.FirstOrDefault(word => word[0] == '@'), listen = words.Skip(2).FirstOrDefault(word => word[0] != '@');
        return Given.Gate(words[0], words[1], listen, requesters?[1..].Split(','));
    }

    private static Gen<T> OneOf<T>(params T[] choices) => Gen.Int[0, choices.Length - 1].Select(i => choices[i]);
}
