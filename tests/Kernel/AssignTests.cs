using VirtualServices.Enforce;
using VirtualServices.Model;

namespace VirtualServices.Kernel.Tests;

/// <summary>Explicit membership against rules, gates, scans, takeovers and the end. The enforcer runs inside this process, so this process asks itself.</summary>
[Collection(Enforcement.Name)]
public sealed class AssignTests : IDisposable
{
    private readonly PostgresServer _server = new();

    public void Dispose()
    {
        EnforcementStop.Run(null);
        _server.Dispose();
    }

    [RootFact]
    public void A_stranger_is_assigned_assigned_again_and_given_back()
    {
        using TestGroup home = new();
        using Shell shell = new();
        home.Add(shell.Pid);
        using Enforcer enforcer = Start();
        Assert.Equal([new MembershipChange(shell.Pid, "sh", "acme", "")], ExplicitMembership.Assign("acme", [shell.Pid]));
        Assert.Equal(Groups.Leaf("acme"), Groups.Of(shell.Pid));
        Assert.Equal([new MembershipChange(shell.Pid, "sh", "other", "acme")], ExplicitMembership.Assign("other", [shell.Pid]));
        Assert.Equal(Groups.Leaf("other"), Groups.Of(shell.Pid));
        ProcessUse process = enforcer.Status().Processes.Single(one => one.Pid == shell.Pid);
        Assert.Equal(("other", Membership.Assigned), (process.VirtualService, process.Membership));
        Assert.Equal([new MembershipChange(shell.Pid, "sh", "", "other")], ExplicitMembership.Release([shell.Pid]));
        Wait.Until(() => Groups.Of(shell.Pid) == home.Path, "the process is where it came from");
        Assert.DoesNotContain(enforcer.Status().Processes, one => one.Pid == shell.Pid);
    }

    [RootFact]
    public void Children_made_later_have_it_too_and_lose_it_with_their_parent()
    {
        using Shell shell = new();
        int before = shell.Fork();
        using Enforcer enforcer = Start();
        ExplicitMembership.Assign("acme", [shell.Pid]);
        int after = shell.Fork();
        Assert.Equal(["/", Groups.Leaf("acme")], [Groups.Of(before), Groups.Of(after)]);
        Assert.Equal(Membership.OfAssigned, enforcer.Status().Processes.Single(one => one.Pid == after).Membership);
        Assert.Equal([shell.Pid, after], ExplicitMembership.Release([shell.Pid]).Select(change => change.Pid));
        Wait.Until(() => Groups.Of(after) == "/", "the child is where its parent came from");
    }

    [RootFact]
    public void No_gate_changes_what_a_person_assigned_until_it_is_given_back()
    {
        using PostgresClient acme = _server.Connect();
        using Enforcer enforcer = Start(("acme", acme.Pid), ("other", _server.Pid));
        acme.Reconnect();
        Wait.Until(() => Groups.Of(acme.Backend) == Groups.Leaf("acme"), "the gate bound the backend");
        ExplicitMembership.Assign("other", [acme.Backend]);
        for (int i = 0; i < 20; i++) acme.Ask("select 1;");
        Assert.Equal(Groups.Leaf("other"), Groups.Of(acme.Backend));
        Assert.Equal("other", enforcer.Status().Processes.Single(one => one.Pid == acme.Backend).VirtualService);
        ExplicitMembership.Release([acme.Backend]);
        acme.Ask("select 1;");
        Wait.Until(() => Groups.Of(acme.Backend) == Groups.Leaf("acme"), "the gate binds the backend again");
    }

    [RootFact]
    public void A_front_door_goes_back_to_what_the_rules_say()
    {
        using Shell shell = new();
        using Enforcer enforcer = Start(("acme", shell.Pid), ("other", _server.Pid));
        ExplicitMembership.Assign("other", [shell.Pid]);
        Assert.Equal(Groups.Leaf("other"), Groups.Of(shell.Pid));
        Assert.Equal([new MembershipChange(shell.Pid, "sh", "acme", "other")], ExplicitMembership.Release([shell.Pid]));
        Wait.Until(() => Groups.Of(shell.Pid) == Groups.Leaf("acme"), "the front door is in its group again");
    }

    [RootFact]
    public void It_outlives_the_enforcer_and_ends_with_the_enforcement()
    {
        using Shell shell = new();
        using (Start()) ExplicitMembership.Assign("acme", [shell.Pid]);
        VsException dead = Assert.Throws<VsException>(() => ExplicitMembership.Assign("other", [shell.Pid]));
        Assert.Contains("the enforcer is dead", dead.Message, StringComparison.Ordinal);
        using (Enforcer second = Start())
        {
            Assert.True(second.TookOver);
            Assert.Equal(Groups.Leaf("acme"), Groups.Of(shell.Pid));
            Assert.Equal(Membership.Assigned, second.Status().Processes.Single(one => one.Pid == shell.Pid).Membership);
            second.Stop();
        }

        Assert.Equal("/", Groups.Of(shell.Pid));
        Leftovers.AssertNone();
    }

    [RootFact]
    public void A_virtual_service_that_the_new_rules_do_not_have_loses_its_members()
    {
        using Shell shell = new();
        using (Start()) ExplicitMembership.Assign("acme", [shell.Pid]);
        using Enforcer second = Enforcer.Start(TestRules.For(_server, ("third", _server.Pid)), new EnforceOptions(), TestContext.Current.CancellationToken);
        Wait.Until(() => Groups.Of(shell.Pid) == "/", "the process is where it came from");
    }

    [RootFact]
    public void What_is_out_of_reach_is_refused_and_nothing_changes()
    {
        using Shell shell = new();
        using Enforcer enforcer = Start();
        int ended = Ended();
        Assert.Equal("there is no virtual service 'acmee' in the rules that are enforced; there are: acme, bestEffort, other", Refused("acmee", shell.Pid));
        Assert.Equal($"nothing was assigned: there is no process {ended}", Refused("acme", shell.Pid, ended));
        Assert.Equal("nothing was assigned: process 1 is the host's first: its children would all inherit", Refused("acme", 1));
        Assert.Equal($"nothing was assigned: process {Environment.ProcessId} is the enforcer itself", Refused("acme", Environment.ProcessId));
        Assert.Equal("nothing was assigned: 2 is a thread of the kernel, which no control group can hold", Refused("acme", 2));
        int thread = Directory.GetDirectories($"/proc/{Environment.ProcessId}/task").Select(path => int.Parse(Path.GetFileName(path), System.Globalization.CultureInfo.InvariantCulture)).First(tid => tid != Environment.ProcessId);
        Assert.Equal($"nothing was assigned: {thread} is a thread of process {Environment.ProcessId}: give {Environment.ProcessId}, all its threads follow", Refused("acme", thread));
        Assert.Equal("/", Groups.Of(shell.Pid));
        Assert.StartsWith($"nothing was changed: not assigned by 'vs assign': {shell.Pid};", Assert.Throws<VsException>(() => ExplicitMembership.Release([shell.Pid])).Message, StringComparison.Ordinal);
    }

    [RootFact]
    public void Without_an_enforcement_it_says_what_to_start()
    {
        VsException none = Assert.Throws<VsException>(() => ExplicitMembership.Assign("acme", [1]));
        Assert.Equal((ExitCode.DoesNotHold, "nothing is enforced: start 'vs enforce RULES' first"), (none.ExitCode, none.Message));
    }

    private static string Refused(string virtualService, params int[] pids)
    {
        VsException refused = Assert.Throws<VsException>(() => ExplicitMembership.Assign(virtualService, pids));
        Assert.Equal(ExitCode.Usage, refused.ExitCode);
        return refused.Message;
    }

    private static int Ended()
    {
        using System.Diagnostics.Process process = PostgresServer.Start("/bin/true");
        process.WaitForExit();
        return process.Id;
    }

    private Enforcer Start(params (string Name, int FrontDoor)[] tenants)
    {
        RuleSet rules = TestRules.For(_server, tenants);
        if (tenants.Length == 0) rules = rules with { VirtualServices = [TestRules.Tenant("acme"), TestRules.Tenant("other"), .. rules.VirtualServices] };
        return Enforcer.Start(rules, new EnforceOptions(Log: TestContext.Current.SendDiagnosticMessage), TestContext.Current.CancellationToken);
    }
}
