using System.Globalization;
using VirtualServices.Enforce;
using VirtualServices.Model;

namespace VirtualServices.Kernel.Tests;

/// <summary>Tests with <see cref="Actor"/>s: ends them and what is enforced, and writes their rules.</summary>
public abstract class ActorTests : IDisposable
{
    private readonly List<Actor> _actors = [];
    private readonly Lazy<string> _folder = new(() => Directory.CreateTempSubdirectory("vs-actors-").FullName);

    public void Dispose()
    {
        EnforcementStop.Run(null);
        foreach (Actor actor in _actors) actor.Dispose();
        if (_folder.IsValueCreated) Directory.Delete(_folder.Value, recursive: true);
        GC.SuppressFinalize(this);
    }

    private protected static void Alternate(Enforcer enforcer, Actor back, Actor a, Actor b)
    {
        for (int i = 0; i < 10; i++)
        {
            a.Ask();
            Assert.Equal("a", Of(enforcer, back));
            b.Ask();
            Assert.Equal("b", Of(enforcer, back));
        }

        GateCount gate = enforcer.Status().Gates.Single(one => one.Id == "g");
        Assert.Equal((20L, 0L), (gate.Rebinds, gate.Unknown));
    }

    private protected static string Of(Enforcer enforcer, Actor actor) => Of(enforcer, actor.Pid);

    private protected static string Of(Enforcer enforcer, int pid) => enforcer.Status().Processes.Single(process => process.Pid == pid).VirtualService;

    /// <summary>What all gates together counted.</summary>
    private protected static (long Hits, long Rebinds, long Unknown) Counts(Enforcer enforcer)
    {
        IReadOnlyList<GateCount> gates = enforcer.Status().Gates;
        return (gates.Sum(gate => gate.Hits), gates.Sum(gate => gate.Rebinds), gates.Sum(gate => gate.Unknown));
    }

    private protected Actor Add(Actor actor)
    {
        _actors.Add(actor);
        return actor;
    }

    /// <summary>Path of a program of the folder <c>programs</c>, compiled.</summary>
    private protected string Compile(string program) => TestProgram.Compile(program, _folder.Value);

    private protected static Gate Gate(string id, string service, GateCall on = GateCall.Receive, Classification? classify = null, BindScope binds = BindScope.Process) =>
        new(id, service, on, new GateCondition(null, null), classify ?? new(ClassificationKind.Requester), binds, GateState.Approved, null, GateReview.None);

    private protected static RuleSet Rules((string Name, Actor Door)[] tenants, (string Name, Actor Actor)[] services, params Gate[] gates) => new(
        [.. tenants.Select(tenant => TestRules.Tenant(tenant.Name, Pid(tenant.Door))), TestRules.Tenant(VirtualService.BestEffort)],
        [.. services.Select(service => new Service(service.Name, [Pid(service.Actor)]))],
        gates);

    private protected static Selector Pid(Actor actor) => new(SelectorKind.Pid, actor.Pid.ToString(CultureInfo.InvariantCulture));

    private protected static Enforcer Start((string Name, Actor Door)[] tenants, (string Name, Actor Actor)[] services, params Gate[] gates) =>
        Enforcer.Start(Rules(tenants, services, gates), new EnforceOptions(), TestContext.Current.CancellationToken);

    // Gates that bind requests account and are refused where shares are to be enforced.
    private protected static Enforcer Audit((string Name, Actor Door)[] tenants, (string Name, Actor Actor)[] services, params Gate[] gates) =>
        Enforcer.Start(Rules(tenants, services, gates), new EnforceOptions(Audit: true), TestContext.Current.CancellationToken);
}
