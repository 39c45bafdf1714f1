using System.Text;
using VirtualServices.Enforce.Explaining;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Enforce.Tests;

public sealed class ExplainChainTests
{
    private static readonly IdTable Ids = MakeIds();

    [Fact]
    public void A_backend_leads_over_the_connection_to_the_front_door()
    {
        ProcessExplanation explained = Explain(30, [Task(30, 2, gate: 1, service: 1), Task(20, 2, from: 10), Task(10, 2)], served: [new ServedConnection(3, 99, "other"), new ServedConnection(2, 20, "a-b")]);
        Assert.Equal(
            [(ExplainStepKind.Gate, 30, 20, "a-b"), (ExplainStepKind.Fork, 20, 10, ""), (ExplainStepKind.FrontDoor, 10, 0, "")],
            explained.Chain.Select(step => (step.Kind, step.Pid, step.Other, step.Connection)));
        Assert.Equal(("g", "unit:web.service"), (explained.Chain[0].Gate, Assert.Single(explained.Chain[2].Selectors)));
        Assert.Equal((ExplainVerdict.Governed, "acme", "db", DateTimeOffset.UnixEpoch.AddTicks(7)), (explained.Verdict, explained.VirtualService, explained.Service, explained.Chain[0].At));
    }

    [Fact]
    public void A_requester_on_another_host_ends_the_chain() =>
        Assert.Equal((0, "far-b"), Explain(30, [Task(30, 2, gate: 1)], served: [new ServedConnection(2, 0, "far-b")]).Chain.Select(step => (step.Other, step.Connection)).Single());

    [Theory]
    [InlineData(2u, "the connection that asked is closed, or the gate names the virtual service")]
    [InlineData(1u, "the requester is not known: nobody is charged for it but best effort")]
    public void Without_a_connection_the_reason_is_said(uint vs, string note) => Assert.Equal(note, Assert.Single(Explain(30, [Task(30, vs, gate: 1)]).Chain).Note);

    [Fact]
    public void Parents_that_ended_or_changed_are_said()
    {
        Assert.Equal((0, "process 10, which made it, has ended"), Last(Explain(20, [Task(20, 2, from: 10)])));
        Assert.Equal((10, "that process works for other by now"), Last(Explain(20, [Task(20, 2, from: 10), Task(10, 3)])));

        // The number is in use again by a younger process.
        Assert.Equal((0, "process 10, which made it, has ended"), Last(Explain(20, [Task(20, 2, from: 10), Task(10, 2, started: 9)])));

        static (int, string) Last(ProcessExplanation explained) => (explained.Chain[^1].Other, explained.Chain[^1].Note);
    }

    [Fact]
    public void Circles_end()
    {
        Assert.Equal(2, Explain(20, [Task(20, 2, from: 10), Task(10, 2, from: 20)]).Chain.Count);
        Assert.Single(Explain(20, [Task(20, 2, gate: 1)], served: [new ServedConnection(2, 20, "to itself")]).Chain);
    }

    [Theory]
    [InlineData(Membership.Assigned, ExplainStepKind.Assigned)]
    [InlineData(Membership.Released, ExplainStepKind.Released)]
    [InlineData(Membership.OfAssigned, ExplainStepKind.Fork)]
    public void What_a_person_did_comes_first(Membership membership, ExplainStepKind kind) =>
        Assert.Equal(kind, Explain(20, [Task(20, 2, gate: 1, from: membership == Membership.OfAssigned ? 10u : 0, membership: membership)]).Chain[0].Kind);

    [Fact]
    public void Services_strangers_and_forgotten_rules()
    {
        ProcessExplanation server = Explain(20, [Task(20, 1, service: 1)]);
        Assert.Equal((ExplainVerdict.BestEffort, ExplainStepKind.Service, "listen:tcp/5432"), (server.Verdict, server.Chain[0].Kind, server.Chain[0].Selectors.Single()));
        Assert.Equal((ExplainVerdict.NotGoverned, ""), (Explain(77, []).Verdict, Explain(77, []).VirtualService));
        Assert.Equal("the virtual service that it worked for is not in the rules any more", Explain(20, [Task(20, 1)]).Chain[0].Note);
        Assert.StartsWith("what chose it then", Explain(20, [Task(20, 3)]).Chain[0].Note, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("10.0.0.1:80-[::1]:81", true)]
    [InlineData("10.0.0.1:80", true)]
    [InlineData("/run/a-b.sock", true)]
    [InlineData("@abstract", true)]
    [InlineData("", false)]
    [InlineData("-", false)]
    [InlineData("10.0.0.1:80-", false)]
    [InlineData("-10.0.0.1:80", false)]
    [InlineData("10.0.0.1:80-10.0.0.1", false)]
    [InlineData("10.0.0.1:80-10.0.0.1:81-10.0.0.1:82", false)]
    [InlineData("10.0.0.1:99999", false)]
    [InlineData("localhost:80", false)]
    [InlineData("12x", false)]
    public void Names_of_connections(string text, bool valid) => Assert.Equal(valid, ConnectionName.TryParse(text, out _));

    [Fact]
    public void A_connection_is_found_from_either_end()
    {
        Assert.True(Endpoint.TryParse("10.0.0.1:80", out Endpoint one));
        Assert.True(Endpoint.TryParse("10.0.0.2:90", out Endpoint other));
        SocketDescription socket = new(1, 1, TransportProtocol.Tcp, SocketRole.Server, one, other, 0, 0, 0);
        foreach (string name in (string[])["10.0.0.1:80-10.0.0.2:90", "10.0.0.2:90-10.0.0.1:80", "10.0.0.2:90", "10.0.0.1:80"]) Assert.True(Matches(name));
        foreach (string name in (string[])["10.0.0.1:80-10.0.0.1:80", "10.0.0.1:81", "10.0.0.2:90-10.0.0.2:91"]) Assert.False(Matches(name));

        bool Matches(string name) => ConnectionName.TryParse(name, out ConnectionName parsed) && parsed.Matches(socket);
    }

    private static ProcessExplanation Explain(uint pid, TaskRecord[] tasks, ServedConnection[]? served = null) => new ExplainChain(
        tasks.ToDictionary(task => task.Pid),
        Ids,
        (kind, id, _) => (kind, id) switch { (IdKind.FrontDoors, 2) => ["unit:web.service"], (IdKind.Matches, 1) => ["listen:tcp/5432"], _ => [] },
        _ => served ?? [],
        at => DateTimeOffset.UnixEpoch.AddTicks((long)at)).Of(pid, "stranger");

    private static TaskRecord Task(uint pid, uint vs, uint gate = 0, uint service = 0, uint from = 0, ulong started = 1, Membership membership = Membership.ByRules)
    {
        TaskRecord task = new() { Tid = pid, Pid = pid, VirtualService = vs, Gate = gate, Service = service, InheritedFrom = from, Started = started, Membership = membership, BoundAtNs = 7 };
        Encoding.UTF8.GetBytes("proc", task.Comm);
        return task;
    }

    private static IdTable MakeIds()
    {
        IdTable ids = new();
        foreach (string name in (string[])["acme", "other"]) ids.Id(IdKind.VirtualService, name);
        ids.Id(IdKind.Service, "db");
        ids.Id(IdKind.Gate, "g");
        return ids;
    }
}
