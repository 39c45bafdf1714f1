using System.Globalization;
using VirtualServices.Enforce;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Model;

namespace VirtualServices.Kernel.Tests;

/// <summary>Enforcement inside this process, on a real PostgreSQL.</summary>
[Collection(Enforcement.Name)]
public sealed class EnforceTests : IDisposable
{
    private readonly PostgresServer _server = new();

    public void Dispose()
    {
        EnforcementStop.Run(null);
        _server.Dispose();
    }

    [RootTheory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    [InlineData(null)]
    public void A_new_backend_goes_to_the_tenant_that_connects(string? host)
    {
        using PostgresClient acme = _server.Connect(host), other = _server.Connect(host);
        using Enforcer enforcer = Start(("acme", acme.Pid), ("other", other.Pid));
        acme.Reconnect();
        other.Reconnect();
        Wait.Until(() => Groups.Of(acme.Backend) == Groups.Leaf("acme"), "acme's backend is in its group");
        Wait.Until(() => Groups.Of(other.Backend) == Groups.Leaf("other"), "other's backend is in its group");
        Assert.Equal("/virtual-services/_takers", Groups.Of(_server.Pid)); // it takes the connections of all
        EnforcementStatus status = enforcer.Status();
        GateCount gate = Assert.Single(status.Gates);
        Assert.Equal(0, gate.Unknown);
        Assert.True(gate.Rebinds >= 2 && gate.Hits >= gate.Rebinds, $"{gate}");
        Wait.Until(() => enforcer.Status().Use.Any(use => use is { VirtualService: "acme", Service: "postgres", Connections: 1, Processes: 1 }), "the backend before is gone, and one connection of acme's is counted");
        Assert.Contains(status.Processes, process => process.Pid == other.Backend && process.VirtualService == "other" && process.Gate == "postgres-receive");
        enforcer.Stop();
        Assert.Equal("/", Groups.Of(acme.Backend));
    }

    [RootTheory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    [InlineData(null)]
    public void A_backend_that_runs_already_is_bound_without_a_request(string? host)
    {
        using PostgresClient acme = _server.Connect(host), other = _server.Connect(host);
        using Enforcer enforcer = Start(("acme", acme.Pid), ("other", other.Pid));
        Assert.Equal(Groups.Leaf("acme"), Groups.Of(acme.Backend));
        Assert.Equal(Groups.Leaf("other"), Groups.Of(other.Backend));
        Assert.Equal("1", acme.Ask("select 1;"));
        Assert.Equal(0, enforcer.Status().Gates.Single().Unknown);
    }

    [RootFact]
    public void A_stranger_is_served_in_best_effort()
    {
        using PostgresClient acme = _server.Connect(), stranger = _server.Connect();
        using Enforcer enforcer = Start(("acme", acme.Pid));
        stranger.Reconnect();
        Assert.Equal("1", stranger.Ask("select 1;"));
        Assert.Equal(Groups.Leaf("bestEffort"), Groups.Of(stranger.Backend));
        Assert.Equal("/", Groups.Of(stranger.Pid));
        Assert.True(enforcer.Status().Gates.Single().Unknown > 0);
    }

    [RootFact]
    public void Children_inherit_and_go_back_to_where_their_parent_came_from()
    {
        using TestGroup home = new();
        using Shell shell = new();
        home.Add(shell.Pid);
        int before = shell.Fork();
        using Enforcer enforcer = Start(("acme", shell.Pid));
        int after = shell.Fork();
        Assert.Equal([Groups.Leaf("acme"), Groups.Leaf("acme"), Groups.Leaf("acme")], [Groups.Of(shell.Pid), Groups.Of(before), Groups.Of(after)]);
        enforcer.Stop();
        Assert.Equal([home.Path, home.Path, home.Path], [Groups.Of(shell.Pid), Groups.Of(before), Groups.Of(after)]);
        Assert.False(Groups.Exist);
    }

    [RootFact]
    public void A_front_door_that_starts_later_is_found()
    {
        string program = Path.Combine(Directory.CreateTempSubdirectory("vs-exe-").FullName, "door");
        File.Copy("/bin/sleep", program);
        RuleSet rules = TestRules.For(_server);
        rules = rules with { VirtualServices = [TestRules.Tenant("late", new Selector(SelectorKind.Exe, program)), .. rules.VirtualServices] };
        using Enforcer enforcer = Start(rules);
        using System.Diagnostics.Process door = PostgresServer.Start(program, "60");
        Wait.Until(() => Groups.Of(door.Id) == Groups.Leaf("late"), "the late front door is in its group");
        door.Kill();
        Directory.Delete(Path.GetDirectoryName(program)!, recursive: true);
    }

    [RootFact]
    public void Audit_counts_and_moves_nothing()
    {
        using PostgresClient acme = _server.Connect();
        using Enforcer enforcer = Start(TestRules.For(_server, ("acme", acme.Pid)), audit: true);
        acme.Reconnect();
        Assert.Equal("1", acme.Ask("select 1;"));
        Assert.False(Groups.Exist);
        Assert.Equal("/", Groups.Of(acme.Backend));
        EnforcementStatus status = enforcer.Status();
        Assert.True(status.Audit);
        Assert.True(status.Gates.Single().Rebinds > 0);
        Assert.Contains(status.Processes, process => process.Pid == acme.Backend && process.VirtualService == "acme");
    }

    [RootFact]
    public void Charged_time_is_the_time_that_the_scheduler_counted()
    {
        using PostgresClient acme = _server.Connect();
        using Enforcer enforcer = Start(("acme", acme.Pid));
        acme.Reconnect();
        acme.Ask("select count(*) from generate_series(1, 3000000);");
        long used = Groups.RuntimeNs(acme.Backend);
        ProcessUse backend = enforcer.Status().Processes.Single(process => process.Pid == acme.Backend);
        long charged = backend.Charged.Sum(charge => charge.CpuNs), acmes = backend.Charged.Single(charge => charge.VirtualService == "acme").CpuNs;
        Assert.InRange(charged, used * 0.99, used * 1.01);
        Assert.InRange(acmes, used * 0.9, used * 1.01);
        int pid = acme.Backend;
        acme.Dispose();
        Wait.Until(() => !Directory.Exists($"/proc/{pid}"), "the backend ended");
        long ended = enforcer.Status().Ended.Where(charge => charge.Pid == pid).Sum(charge => charge.CpuNs);
        Assert.True(ended >= charged, $"after its end a backend has {ended} ns, before {charged}");
    }

    [RootFact]
    public void Requests_are_counted_for_whoever_asked()
    {
        using PostgresClient acme = _server.Connect(), local = _server.Connect(null), stranger = _server.Connect();
        using Enforcer enforcer = Start(("acme", acme.Pid), ("local", local.Pid));
        acme.Reconnect();
        stranger.Reconnect();
        UseCounts[] before = [Counts("acme"), Counts("local"), Counts("bestEffort")];

        // The new process of acme was bound by the gate; that of local was found at the start, and who asks the third is not known.
        Assert.Equal([1L, 0, 0], before.Select(counts => counts.Rebinds));
        for (int i = 0; i < 19; i++) acme.Ask("select 1;");

        // PostgreSQL receives 8 KB at a time: several receives, but one request.
        Assert.Equal("50000", acme.Ask($"select length('{new string('x', 50_000)}');"));
        for (int i = 0; i < 7; i++) local.Ask("select 2;");
        for (int i = 0; i < 5; i++) stranger.Ask("select 3;");
        UseCounts[] after = [Counts("acme"), Counts("local"), Counts("bestEffort")];
        Assert.Equal([(20L, 0L), (7, 0), (5, 5)], after.Zip(before, (now, was) => (now.Requests - was.Requests, now.UnknownRequests - was.UnknownRequests)));

        UseCounts Counts(string vs) => enforcer.Status().Use.SingleOrDefault(use => use.VirtualService == vs && use.Service == "postgres")?.Counts ?? default;
    }

    [RootFact]
    public void Waiting_for_a_processor_is_counted_for_whoever_waits()
    {
        using Shell shell = new();
        using Enforcer enforcer = Start(("acme", shell.Pid));

        // Three times as many that want to run as there are processors: two of three wait at any time.
        UseCounts before = Acme();
        int[] busy = [.. Enumerable.Range(0, Environment.ProcessorCount * 3).Select(_ => shell.Fork("while :; do :; done"))];
        Wait.Until(() => busy.Sum(Groups.WaitedNs) > 2e9, "busy processes have waited so long that starting and reading them do not matter");
        double waited = busy.Sum(Groups.WaitedNs), counted = Acme().WaitNs - before.WaitNs;
        Assert.InRange(counted / waited, 0.9, 1.1); // read one after the other, while they go on

        UseCounts Acme() => enforcer.Status().VirtualServices.Single(vs => vs.Name == "acme").Own;
    }

    [RootFact]
    public void Sums_of_a_service_agree_with_the_time_of_its_processes()
    {
        using PostgresClient acme = _server.Connect(), other = _server.Connect();
        using Enforcer enforcer = Start(("acme", acme.Pid), ("other", other.Pid));
        long usedBefore = Groups.RuntimeNs(acme.Backend), chargedBefore = Cpu(enforcer, "acme");
        for (int i = 0; i < 20; i++) acme.Ask("select count(*) from generate_series(1, 200000);");
        long used = Groups.RuntimeNs(acme.Backend) - usedBefore, charged = Cpu(enforcer, "acme") - chargedBefore;
        Assert.InRange(charged, used * 0.99, used * 1.01);

        static long Cpu(Enforcer enforcer, string vs) => enforcer.Status().Use.Single(use => use.VirtualService == vs && use.Service == "postgres").CpuNs;
    }

    [RootFact]
    public void A_second_enforcer_is_refused_and_names_the_first()
    {
        using PostgresClient acme = _server.Connect();
        using Enforcer first = Start(("acme", acme.Pid));
        VsException refused = Assert.Throws<VsException>(() => Start(("acme", acme.Pid)));
        Assert.Contains(Environment.ProcessId.ToString(CultureInfo.InvariantCulture), refused.Message, StringComparison.Ordinal);
        Assert.Equal(Groups.Leaf("acme"), Groups.Of(acme.Backend));
    }

    [RootFact]
    public void Only_root_can_open_the_lock_and_a_number_that_was_used_again_is_no_enforcer()
    {
        using PostgresClient acme = _server.Connect();
        using Enforcer enforcer = Start(("acme", acme.Pid));
        const string Lock = "/run/virtual-services/enforcer.lock", Number = "/run/virtual-services/enforcer.pid";
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Lock));
        Assert.Equal(EnforcerState.Running, enforcer.Status().Enforcer);
        File.WriteAllText(Number, string.Create(CultureInfo.InvariantCulture, $"{acme.Pid} 1")); // a process of that number was started at another time
        Assert.NotEqual(EnforcerState.Running, enforcer.Status().Enforcer);
        Assert.Equal(0, enforcer.Status().EnforcerPid);
    }

    [RootFact]
    public void A_start_that_fails_leaves_nothing()
    {
        using PostgresClient acme = _server.Connect();
        using CancellationTokenSource cancelled = new();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => Enforcer.Start(TestRules.For(_server, ("acme", acme.Pid)), new EnforceOptions(), cancelled.Token));
        Leftovers.AssertNone();
        Assert.Equal(EnforcerState.None, StatusReader.Read().Enforcer);
    }

    [RootFact]
    public void Twenty_starts_and_stops_leave_nothing_behind()
    {
        using PostgresClient acme = _server.Connect();
        string[] mounts = Mounts();
        for (int i = 0; i < 20; i++)
        {
            using Enforcer enforcer = Start(("acme", acme.Pid));
            Assert.Equal(Groups.Leaf("acme"), Groups.Of(acme.Backend));
            enforcer.Stop();
            Assert.Equal("/", Groups.Of(acme.Backend));
            Leftovers.AssertNone();
        }

        Assert.Equal(mounts, Mounts());

        // Others mount and unmount what they like meanwhile.
        static string[] Mounts() => [.. File.ReadLines("/proc/mounts").Where(line => line.Contains("cgroup", StringComparison.Ordinal) || line.Contains("virtual-services", StringComparison.Ordinal))];
    }

    [RootFact]
    public void An_edited_rule_set_takes_over_and_keeps_what_it_knows()
    {
        using PostgresClient acme = _server.Connect(), other = _server.Connect();
        using (Start(("acme", acme.Pid), ("other", other.Pid)))
        {
        }

        // "other" is no more, "third" is new: numbers of acme must stay, other's backend becomes best effort's.
        using PostgresClient third = _server.Connect();
        using Enforcer second = Start(("third", third.Pid), ("acme", acme.Pid));
        Assert.True(second.TookOver);
        Assert.Equal(Groups.Leaf("acme"), Groups.Of(acme.Backend));
        Assert.Equal(Groups.Leaf("third"), Groups.Of(third.Backend));
        Assert.Equal(Groups.Leaf("bestEffort"), Groups.Of(other.Backend));
        Assert.Equal(2, second.Status().Generation);
    }

    [RootFact]
    public void A_takeover_lowers_the_maximum_of_a_parent_together_with_its_childs()
    {
        using PostgresClient acme = _server.Connect();
        foreach ((double parent, double child) in ((double, double)[])[(1.5, 1), (0.5, 0.25), (1.5, 1)])
        {
            RuleSet rules = TestRules.For(_server, [("acme", acme.Pid)]);
            VirtualService above = TestRules.Tenant("above") with { Cpu = new CpuShare(100, parent) };
            using Enforcer enforcer = Start(rules with { VirtualServices = [above, .. rules.VirtualServices.Select(vs => vs.Name == "acme" ? vs with { Parent = "above", Cpu = new CpuShare(100, child) } : vs)] });
            Assert.EndsWith("/above/acme/_self", Groups.Of(acme.Backend), StringComparison.Ordinal);
        }
    }

    public static TheoryData<string> Failures => ["while shares are set", "after shares were set"];

    [RootTheory]
    [MemberData(nameof(Failures))]
    public void A_takeover_that_fails_leaves_gates_weights_maxima_and_places_as_they_were(string when)
    {
        using PostgresClient acme = _server.Connect();
        RuleSet rules = Nested(acme.Pid, above: new CpuShare(300, 1.5), child: new CpuShare(200, 1));
        Start(rules).Dispose(); // as a kill would
        string[] before = Groups.Shares();
        Assert.Contains(before, line => line.Contains("/above/acme/", StringComparison.Ordinal));

        // Less for both, and one more.
        RuleSet others = Nested(acme.Pid, above: new CpuShare(30, 0.5), child: new CpuShare(20, 0.25));
        others = others with { VirtualServices = [TestRules.Tenant("new"), .. others.VirtualServices] };
        Assert.True(Fail(others, when, audit: false));
        Assert.Equal(before, Groups.Shares());
        AssertInForce();

        // What failed leaves nothing that keeps the next one from taking over.
        if (when == "after shares were set") return;
        using Enforcer next = Start(others);
        Assert.True(next.TookOver);
        Assert.NotEqual(before, Groups.Shares());

        void AssertInForce()
        {
            EnforcementStatus status = StatusReader.Read();
            Assert.Equal((EnforcerState.Dead, 1), (status.Enforcer, (int)status.Generation));
            Assert.Equal("/virtual-services/above/acme/_self", Groups.Of(acme.Backend));
            long hits = Hits(status);
            acme.Ask("select 1;");
            Assert.True(Hits(StatusReader.Read()) > hits, "the gate of the rules before counts on");
        }

        static long Hits(EnforcementStatus status) => status.Gates.Single(gate => gate.Id == "postgres-receive").Hits;
    }

    [RootTheory]
    [MemberData(nameof(Failures))]
    public void An_audit_that_fails_to_take_over_moves_nobody_back(string when)
    {
        using PostgresClient acme = _server.Connect();
        Start(Nested(acme.Pid, new CpuShare(300), new CpuShare(200))).Dispose();
        string[] before = Groups.Shares();
        Assert.True(Fail(Nested(acme.Pid, new CpuShare(), new CpuShare()), when, audit: true));
        Assert.Equal("/virtual-services/above/acme/_self", Groups.Of(acme.Backend));
        Assert.Equal(before, Groups.Shares());
        Assert.Equal(1, (int)StatusReader.Read().Generation);
    }

    private RuleSet Nested(int frontDoor, CpuShare above, CpuShare child)
    {
        RuleSet rules = TestRules.For(_server, ("acme", frontDoor));
        return rules with { VirtualServices = [TestRules.Tenant("above") with { Cpu = above }, .. rules.VirtualServices.Select(vs => vs.Name == "acme" ? vs with { Parent = "above", Cpu = child } : vs)] };
    }

    // True where it failed in the way that was meant.
    private static bool Fail(RuleSet rules, string when, bool audit)
    {
        if (when == "after shares were set")
        {
            // As if so many gates had been given numbers that the kernel's tables have no room for another: that is found when rules are written.
            using (GateKernel kernel = GateKernel.Open(Pins.Default))
            {
                Bytes256 name = default;
                "last"u8.CopyTo(name);
                kernel["names"].Update(((ulong)IdKind.Gate << 32) | kernel["gate_counts"].MaxEntries, name);
            }

            return Assert.Throws<VsException>(() => Start(rules, audit)).Message.Contains("the kernel's tables hold", StringComparison.Ordinal);
        }

        // Without gates there is nothing to compile, and the first to look at the token is whoever sets shares, or the last step before the switch.
        using CancellationTokenSource cancelled = new();
        bool tookOver = false;
        Assert.Throws<OperationCanceledException>(() => Enforcer.Start(rules with { Gates = [] }, new EnforceOptions(audit, Log), cancelled.Token));
        return tookOver;

        void Log(string line)
        {
            if (!line.Contains("the gates of the enforcer before", StringComparison.Ordinal)) return;
            tookOver = true;
            cancelled.Cancel();
        }
    }

    [RootFact]
    public void Gates_with_another_layout_are_refused_and_stay()
    {
        using PostgresClient acme = _server.Connect();
        Start(("acme", acme.Pid)).Dispose(); // as a kill would
        using (GateKernel kernel = GateKernel.Open(Pins.Default))
        {
            Assert.True(Agent.TryRead(kernel["agent"], out AgentRecord record));
            kernel["agent"].Update(0u, record with { Magic = Agent.Magic - 1 });
        }

        foreach (Action use in (Action[])[() => Start(("acme", acme.Pid)), () => StatusReader.Read()])
        {
            VsException refusal = Assert.Throws<VsException>(use);
            Assert.Equal(ExitCode.DoesNotHold, refusal.ExitCode);
            Assert.Contains("another version of vs", refusal.Message, StringComparison.Ordinal);
        }

        Assert.True(File.Exists(Pins.Default.Link("on_receive")));
    }

    private Enforcer Start(params (string Name, int FrontDoor)[] tenants) => Start(TestRules.For(_server, tenants));

    private static Enforcer Start(RuleSet rules, bool audit = false) =>
        Enforcer.Start(rules, new EnforceOptions(audit, TestContext.Current.SendDiagnosticMessage), TestContext.Current.CancellationToken);
}
