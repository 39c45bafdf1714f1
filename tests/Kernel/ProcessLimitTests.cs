using System.Diagnostics;
using System.Globalization;
using VirtualServices.Enforce;
using VirtualServices.Model;

namespace VirtualServices.Kernel.Tests;

/// <summary>Limits of processes: what is counted, and what happens beyond the limit.</summary>
[Collection(Enforcement.Name)]
public sealed class ProcessLimitTests : ActorTests
{
    private const int Again = 11; // EAGAIN

    [RootTheory]
    [InlineData("EAGAIN", 11)]
    [InlineData("EPERM", 1)]
    [InlineData("ENOSPC", 28)]
    public void A_fork_beyond_the_limit_fails_with_the_errno_and_an_ended_process_makes_room(string name, int errno)
    {
        using Forker forker = new();
        using Enforcer enforcer = Start(Vs("a", new MemberLimits(3, null, LimitAction.Errno, name), forker.Pid));
        Assert.Equal((2, errno), forker.Fork(5));
        Assert.Equal(new LimitUse("a", "processes", 3, 3, 1, $"errno:{name}"), Assert.Single(enforcer.Status().Limits));
        forker.End(1);
        Assert.Equal((1, errno), forker.Fork(2));
        Assert.Equal((3L, 2L), UseOf(enforcer, "a"));
    }

    [RootFact]
    public void Calls_are_watched_near_a_limit_only_and_a_burst_from_afar_meets_it_all_the_same()
    {
        using Forker forker = new();
        using Enforcer enforcer = Start(Vs("a", Limit(300), forker.Pid));
        Assert.False(CallsAreWatched());
        Assert.Equal((299, Again), forker.Fork(310));
        Assert.Equal((300L, 1L), UseOf(enforcer, "a"));
        Assert.True(CallsAreWatched());
        forker.End(299);
        Wait.Until(() => !CallsAreWatched(), "calls are watched no longer");
        Assert.Equal((299, Again), forker.Fork(310));
        Assert.Equal((300L, 2L), UseOf(enforcer, "a"));
    }

    [RootFact]
    public void Two_thousand_forks_and_a_killed_family_end_at_what_lives()
    {
        using Forker one = new(), two = new();
        using Enforcer enforcer = Start(Vs("a", Limit(50), one.Pid), Vs("b", null, two.Pid) with { Parent = "a" });
        Parallel.Invoke(() => one.Churn(1_000), () => two.Churn(1_000));
        Assert.Equal((2L, 0L), UseOf(enforcer, "a"));
        Assert.Equal((20, 0), one.Exec(20));
        Assert.Equal((22L, 0L), UseOf(enforcer, "a"));
        foreach (int child in one.Children) Forker.Signal(child, "KILL");
        Wait.Until(() => UseOf(enforcer, "a") == (2, 0), "killed processes are given back, reaped or not");
    }

    [RootFact]
    public void Processes_that_are_older_than_the_limit_are_counted_and_the_counts_are_taken_over()
    {
        using Forker forker = new();
        forker.Fork(3);
        using (Enforcer first = Start(Vs("a", Limit(2), forker.Pid)))
        {
            Assert.Equal((4L, 0L), UseOf(first, "a"));
            Assert.Equal((0, Again), forker.Fork(1));
        }

        Assert.Equal((1, 0), forker.Fork(1)); // without the enforcer nobody is stopped: it counts above the limit
        forker.End(3);
        using Enforcer second = Start(Vs("a", Limit(2), forker.Pid));
        Assert.True(second.TookOver);
        Assert.Equal((2L, 2L), UseOf(second, "a"));
        Assert.Equal((0, Again), forker.Fork(1));
    }

    [RootFact]
    public void The_limit_of_a_parent_bounds_the_sum_of_its_children()
    {
        using Forker a = new(), b = new();
        using Enforcer enforcer = Start(TestRules.Tenant("p") with { Limits = Limit(4) }, Vs("a", Limit(3), a.Pid) with { Parent = "p" }, Vs("b", null, b.Pid) with { Parent = "p" });
        Assert.Equal((2, Again), a.Fork(3));
        Assert.Equal((0, Again), b.Fork(1));
        Assert.Equal([(4L, 1L), (3L, 1L)], [UseOf(enforcer, "p"), UseOf(enforcer, "a")]);
        a.End(2);
        Assert.Equal((2, Again), b.Fork(3));
    }

    [RootFact]
    public void An_audit_counts_and_stops_nobody()
    {
        using Forker forker = new();
        using Enforcer enforcer = Start(audit: true, Vs("a", Block(1), forker.Pid));
        Assert.Equal((3, 0), forker.Fork(3));
        Assert.Equal(new LimitUse("a", "processes", 4, 1, 3, "count"), Assert.Single(enforcer.Status().Limits));
    }

    [RootFact]
    public void Beyond_the_limit_children_are_best_efforts_for_good_and_with_room_they_are_not()
    {
        using TestGroup group = new();
        using Forker forker = new();
        group.Add(forker.Pid);
        using Enforcer enforcer = Start(Vs("a", new MemberLimits(2, null, LimitAction.BestEffort, "")) with { FrontDoors = [new Selector(SelectorKind.Cgroup, group.Path)] });
        Assert.Equal((2, 0), forker.Exec(2)); // an exec asks the rules again
        Assert.Equal(["a", "bestEffort"], forker.Children.Select(child => Of(enforcer, child)));
        Assert.Equal((2L, 1L), UseOf(enforcer, "a"));
        forker.End(1);
        Assert.Equal((1, 0), forker.Fork(1));
        Assert.Equal(["bestEffort", "a"], forker.Children.Select(child => Of(enforcer, child)));
        Assert.Equal((2L, 1L), UseOf(enforcer, "a"));
    }

    [RootFact]
    public void Who_meets_a_limit_that_blocks_is_stopped_until_there_is_room()
    {
        using Forker forker = new();
        using Enforcer enforcer = Start(Vs("a", Block(2), forker.Pid));
        Assert.Equal((1, 0), forker.Fork(1));
        for (int i = 0; i < 10; i++)
        {
            forker.Begin();
            Wait.Until(() => forker.IsStopped, "it is stopped");
            LimitWait wait = Assert.Single(enforcer.Status().Waits);
            Assert.Equal((forker.Pid, "a", "processes"), (wait.Pid, wait.VirtualService, wait.What));
            Assert.True(wait.WaitedNs > 0);
            Assert.Equal((2L, 1L + i), UseOf(enforcer, "a"));
            Forker.Signal(forker.Children[^1], "KILL");
            Assert.Equal((1, 0), forker.Answer());
            Assert.Empty(enforcer.Status().Waits);
        }
    }

    [RootFact]
    public void Two_who_wait_are_served_in_the_order_in_which_they_came_and_nobody_overtakes()
    {
        using Forker one = new(), two = new(), late = new();
        using Enforcer enforcer = Start(Vs("a", Block(4), one.Pid, two.Pid, late.Pid));
        Assert.Equal((1, 0), late.Fork(1));
        for (int i = 0; i < 5; i++)
        {
            Forker first = i % 2 == 0 ? one : two, second = i % 2 == 0 ? two : one;
            first.Begin();
            Wait.Until(() => first.IsStopped, "the first waits");
            second.Begin();
            Wait.Until(() => second.IsStopped, "the second waits");
            Assert.Equal([first.Pid, second.Pid], enforcer.Status().Waits.Select(wait => wait.Pid));
            Forker.Signal(late.Children[^1], "KILL");
            Assert.Equal((1, 0), first.Answer());
            Assert.Equal([second.Pid], enforcer.Status().Waits.Select(wait => wait.Pid));
            late.Begin();
            Wait.Until(() => late.IsStopped, "the last waits");
            Forker.Signal(first.Children[^1], "KILL");
            Assert.Equal((1, 0), second.Answer());
            Assert.Equal([late.Pid], enforcer.Status().Waits.Select(wait => wait.Pid));
            Forker.Signal(second.Children[^1], "KILL");
            Assert.Equal((1, 0), late.Answer());
        }
    }

    [RootFact]
    public void Who_has_waited_long_enough_fails_and_goes_on()
    {
        using Forker forker = new();
        using Enforcer enforcer = Start(Vs("a", Block(1) with { MaxWait = TimeSpan.FromMilliseconds(300) }, forker.Pid));
        long began = Environment.TickCount64;
        Assert.Equal((0, Again), forker.Fork(1));
        Assert.True(Environment.TickCount64 - began >= 290, "it did not wait");
        Assert.False(forker.IsStopped);
        Assert.Equal(1, UseOf(enforcer, "a").Used);
        Assert.Empty(enforcer.Status().Waits);
    }

    [RootTheory]
    [InlineData("attach")]
    [InlineData("seize")]
    public void Who_is_traced_past_its_time_goes_on_when_the_tracer_has_left(string how)
    {
        using Forker forker = new();
        using Enforcer enforcer = Start(Vs("a", Block(1) with { MaxWait = TimeSpan.FromSeconds(1) }, forker.Pid));
        forker.Begin();
        Wait.Until(() => forker.IsStopped && enforcer.Status().Waits.Count == 1, "it waits");
        Trace(how, forker.Pid, () => Thread.Sleep(3000)); // longer than it may wait and than the enforcer needs to look at it again
        Assert.Equal((0, Again), forker.AnswerInTime());
        Wait.Until(() => !forker.IsStopped && enforcer.Status().Waits.Count == 0, "it goes on");
        Assert.Equal((1L, 1L), UseOf(enforcer, "a"));
    }

    [RootTheory]
    [InlineData("attach")]
    [InlineData("seize")]
    public void Who_is_traced_for_a_moment_keeps_its_place_and_gets_room(string how)
    {
        using Forker forker = new();
        using Enforcer enforcer = Start(Vs("a", Block(2) with { MaxWait = TimeSpan.FromHours(1) }, forker.Pid));
        forker.Fork(1);
        forker.Begin();
        Wait.Until(() => forker.IsStopped && enforcer.Status().Waits.Count == 1, "it waits");
        Trace(how, forker.Pid, () => Assert.NotEqual('T', Forker.StateOf(forker.Pid)));
        Wait.Until(() => forker.IsStopped, "it is stopped as before");
        Assert.Equal(forker.Pid, Assert.Single(enforcer.Status().Waits).Pid);
        Trace(how, forker.Pid, () =>
        {
            Forker.Signal(forker.Children[0], "KILL");
            Wait.Until(() => UseOf(enforcer, "a").Used == 1, "there is room");
            Thread.Sleep(1500); // longer than a place is kept
        });
        Assert.Equal((1, 0), forker.AnswerInTime());
    }

    [RootTheory]
    [InlineData("$SIG{TSTP} = 'IGNORE'; ", 0)]
    [InlineData("my $seen = 0; $SIG{TSTP} = sub { $seen++ }; END { $? = $seen } ", 1)]
    public void A_stop_from_the_terminal_that_a_program_ignores_or_handles_does_not_keep_it_stopped(string begin, int seen)
    {
        using Forker forker = new(begin);
        using Enforcer enforcer = Start(Vs("a", Block(2), forker.Pid));
        forker.Fork(1);
        forker.Begin();
        Wait.Until(() => forker.IsStopped && enforcer.Status().Waits.Count == 1, "it waits");
        Forker.Signal(forker.Pid, "TSTP");
        Forker.Signal(forker.Children[0], "KILL");
        Assert.Equal((1, 0), forker.AnswerInTime());
        Assert.Equal(seen, forker.EndOf());
    }

    [RootFact]
    public void A_fork_fails_however_many_signals_are_handled_meanwhile()
    {
        using Forker forker = new("$SIG{USR1} = sub { }; ");
        using Enforcer enforcer = Start(Vs("a", Limit(1), forker.Pid));
        // tgkill: only a signal of the thread itself is taken before the one that stops it.
        using Process signals = PostgresServer.Start("perl", "-e", "while (syscall(234, $ARGV[0] + 0, $ARGV[0] + 0, 10) == 0) { select(undef, undef, undef, 0.0002) }", forker.Pid.ToString(CultureInfo.InvariantCulture));
        try
        {
            for (int i = 0; i < 100; i++)
            {
                forker.Begin();
                Assert.Equal((0, Again), forker.AnswerInTime());
            }
        }
        finally
        {
            signals.Kill();
            signals.WaitForExit();
        }

        Assert.Equal(1, UseOf(enforcer, "a").Used);
    }

    [RootFact]
    public void After_the_watchdog_has_let_all_go_limits_hold_again()
    {
        using Forker forker = new();
        using Enforcer enforcer = Start(Vs("a", Block(1), forker.Pid));
        for (int i = 0; i < 3; i++)
        {
            forker.Begin();
            Wait.Until(() => forker.IsStopped && enforcer.Status().Waits.Count == 1, "it waits");
            File.ReadAllBytes("/sys/fs/bpf/virtual-services/links/limit_free"); // as it does
            Assert.Equal((1, 0), forker.AnswerInTime());
            Thread.Sleep(100);
        }
    }

    [RootFact]
    public void Hundreds_wait_and_are_killed_at_once_and_the_next_one_is_served()
    {
        const int Many = 300;
        using Process crowd = PostgresServer.Start("perl", "-e", """
            $| = 1; alarm 120; pipe(my $go, my $starts); my @all;
            for (1..$ARGV[0]) {
                my $child = fork(); defined $child or die "fork: $!";
                if (!$child) { close $starts; alarm 120; sysread($go, my $none, 1); fork() or exit; sleep 1000; exit }
                push @all, $child;
            }
            print "made\n"; <STDIN>; close $starts; <STDIN>; kill 9, @all; waitpid $_, 0 for @all;
            my $child = fork(); defined $child or die "fork: $!"; exit if !$child; waitpid $child, 0;
            print "served\n"; <STDIN>;
            """, Many.ToString(CultureInfo.InvariantCulture));
        Assert.Equal("made", crowd.StandardOutput.ReadLine());
        using Enforcer enforcer = Start(Vs("a", Block(Many + 1) with { MaxWait = TimeSpan.FromHours(1) }, crowd.Id));
        Assert.Equal(Many + 1, UseOf(enforcer, "a").Used);
        crowd.StandardInput.WriteLine("go");
        Wait.Until(() => enforcer.Status().Waits.Count == Many, "all wait");
        Thread.Sleep(500); // the watchdog hears of the enforcer all the time, else it would let all go
        Assert.Equal(Many, enforcer.Status().Waits.Count);
        crowd.StandardInput.WriteLine("end");
        Assert.Equal("served", crowd.StandardOutput.ReadLine());
        Wait.Until(() => UseOf(enforcer, "a").Used == 1 && enforcer.Status().Waits.Count == 0, "only the first process is left");
        Assert.Equal(Many, UseOf(enforcer, "a").Hits);
        crowd.StandardInput.Close();
        crowd.WaitForExit();
    }

    [RootTheory]
    [InlineData("")]
    [InlineData("while (kill('TSTP', $ARGV[0])) { select(undef, undef, undef, 0.001) }")]
    public async Task Threads_that_meet_a_limit_together_wait_together_and_are_told_no_other_error(string meanwhile)
    {
        using Process program = PostgresServer.Start(Compile("sockets"));
        using Enforcer enforcer = Start(Vs("a", new MemberLimits(null, 2, LimitAction.Block, "") { MaxWait = TimeSpan.FromMilliseconds(20) }, program.Id));
        using Process signals = PostgresServer.Start("perl", "-e", meanwhile, program.Id.ToString(CultureInfo.InvariantCulture));
        try
        {
            await program.StandardInput.WriteLineAsync("go");
            await program.StandardInput.FlushAsync(TestContext.Current.CancellationToken);
            string? line = await program.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
            int[] counts = [.. line!.Split(' ').Select(count => int.Parse(count, CultureInfo.InvariantCulture))];
            Assert.Equal(0, counts[2]);
            Assert.Equal(80, counts[0] + counts[1]);
            Assert.True(counts[0] >= 40, $"{counts[0]} sockets were made, of two calls at a time one has room");
            Assert.Equal(1, UseOf(enforcer, "a").Used);
            Assert.Empty(enforcer.Status().Waits);
        }
        finally
        {
            signals.Kill();
            program.Kill();
            signals.WaitForExit();
            program.WaitForExit();
        }
    }

    [RootTheory]
    [InlineData("stop")]
    [InlineData("end")]
    [InlineData("swap")]
    public void Nobody_stays_stopped(string how)
    {
        using Forker forker = new();
        Enforcer enforcer = Start(Vs("a", Block(1), forker.Pid));
        try
        {
            forker.Begin();
            Wait.Until(() => forker.IsStopped && enforcer.Status().Waits.Count == 1, "it waits");
            if (how == "stop")
            {
                enforcer.Stop();
            }
            else
            {
                enforcer.Dispose();
                if (how == "swap") enforcer = Start(Vs("a", Block(2), forker.Pid));
            }

            Assert.Equal((1, 0), forker.Answer());
            Wait.Until(() => !forker.IsStopped, "it goes on");
        }
        finally
        {
            enforcer.Dispose();
        }
    }

    [RootFact]
    public void Whom_somebody_else_stops_and_who_is_continued_by_somebody_else_before_there_is_room()
    {
        using Forker forker = new();
        using Enforcer enforcer = Start(Vs("a", Block(2), forker.Pid));
        forker.Fork(1);
        forker.Begin();
        Wait.Until(() => forker.IsStopped && enforcer.Status().Waits.Count == 1, "it waits");
        for (int i = 0; i < 5; i++)
        {
            Forker.Signal(forker.Pid, "CONT");
            Wait.Until(() => forker.IsStopped, "it waits again");
            Assert.Equal(forker.Pid, Assert.Single(enforcer.Status().Waits).Pid);
        }

        Assert.Equal((2L, 1L), UseOf(enforcer, "a"));
        Forker.Signal(forker.Pid, "STOP");
        Forker.Signal(forker.Children[0], "KILL");
        Wait.Until(() => UseOf(enforcer, "a").Used == 1 && enforcer.Status().Waits.Count == 0, "there is room");
        Thread.Sleep(1500); // longer than the enforcer needs to look at it again
        Assert.True(forker.IsStopped);
        Forker.Signal(forker.Pid, "CONT");
        Assert.Equal((1, 0), forker.Answer());
    }

    [RootFact]
    public void Who_is_killed_while_it_waits_is_forgotten_and_the_next_one_is_served()
    {
        using Forker first = new(), second = new(), holder = new();
        using Enforcer enforcer = Start(Vs("a", Block(4), first.Pid, second.Pid, holder.Pid));
        holder.Fork(1);
        first.Begin();
        Wait.Until(() => first.IsStopped, "the first waits");
        second.Begin();
        Wait.Until(() => second.IsStopped, "the second waits");
        Forker.Signal(first.Pid, "KILL");
        Assert.Equal((1, 0), second.Answer());
        Wait.Until(() => enforcer.Status().Waits.Count == 0 && UseOf(enforcer, "a") == (4, 2), "the place of the killed one is the second's");
    }

    [RootFact]
    public void A_process_of_a_shared_service_counts_for_whom_it_works_and_is_never_stopped()
    {
        Actor back = Add(Actor.Server("tcp4")), a = Add(Actor.Client(back)), b = Add(Actor.Client(back));
        RuleSet rules = Rules([], [("back", back)], Gate("g", "back"));
        rules = rules with { VirtualServices = [Vs("a", Block(1), a.Pid), Vs("b", Limit(9), b.Pid), .. rules.VirtualServices] };
        using Enforcer enforcer = Enforcer.Start(rules, new EnforceOptions(), TestContext.Current.CancellationToken);
        Assert.Equal([(1L, 0L), (1L, 0L)], [UseOf(enforcer, "a"), UseOf(enforcer, "b")]);
        b.Ask();
        Assert.Equal([(1L, 0L), (2L, 0L)], [UseOf(enforcer, "a"), UseOf(enforcer, "b")]);
        a.Ask();
        Assert.Equal([(2L, 1L), (1L, 0L)], [UseOf(enforcer, "a"), UseOf(enforcer, "b")]);
        Assert.Equal("a", Of(enforcer, back));
        b.Ask();
        Assert.Equal([(1L, 1L), (2L, 0L)], [UseOf(enforcer, "a"), UseOf(enforcer, "b")]);
    }

    [RootFact]
    public void Forks_of_a_shared_service_for_somebody_at_its_limit_are_counted_above_it()
    {
        using Forker service = new();
        Gate gate = Gate("g", "back") with { On = GateCall.Fork, Classify = new Classification(ClassificationKind.Named, "a") };
        Service back = new("back", [new Selector(SelectorKind.Pid, service.Pid.ToString(CultureInfo.InvariantCulture))]);
        RuleSet rules = new([Vs("a", Block(1)), TestRules.Tenant(VirtualService.BestEffort)], [back], [gate]);
        using Enforcer enforcer = Enforcer.Start(rules, new EnforceOptions(), TestContext.Current.CancellationToken);
        Assert.Equal((3, 0), service.Fork(3));
        Assert.Equal((3L, 2L), UseOf(enforcer, "a"));
        service.End(3);
        Assert.Equal((0L, 2L), UseOf(enforcer, "a"));
    }

    [RootFact]
    public async Task Sockets_wait_too()
    {
        using SocketHolder one = new(), two = new();
        using Enforcer enforcer = Start(Vs("a", new MemberLimits(null, 3, LimitAction.Block, ""), one.Pid, two.Pid));
        Assert.Equal((3, 0), one.Open(3));
        for (int i = 0; i < 10; i++)
        {
            Task<(int, int)> waits = Task.Run(() => two.Open(1), TestContext.Current.CancellationToken);
            Wait.Until(() => Forker.StateOf(two.Pid) == 'T', "it is stopped");
            Assert.Equal((two.Pid, "sockets"), enforcer.Status().Waits.Select(wait => (wait.Pid, wait.What)).Single());
            one.Close(1);
            Assert.Equal((1, 0), await waits);
            two.Close(1);
            Assert.Equal((1, 0), one.Open(1));
        }

        Assert.Equal(new LimitUse("a", "sockets", 3, 3, 10, "block"), Assert.Single(enforcer.Status().Limits));
    }

    [RootFact]
    public void A_socket_that_was_waited_for_long_enough_is_refused()
    {
        using SocketHolder holder = new();
        using Enforcer enforcer = Start(Vs("a", new MemberLimits(null, 3, LimitAction.Block, "") { MaxWait = TimeSpan.FromMilliseconds(300) }, holder.Pid));
        long began = Environment.TickCount64;
        Assert.Equal((3, Again), holder.Open(4));
        Assert.True(Environment.TickCount64 - began >= 290, "it did not wait");
        holder.Close(1);
        Assert.Equal((1, 0), holder.Open(1));
    }

    // The enforcer is in this process, and so is what it has attached.
    private static bool CallsAreWatched()
    {
        foreach (string file in Directory.GetFiles("/proc/self/fdinfo"))
        {
            try
            {
                if (File.ReadAllText(file).Contains("tp_name:\tsys_enter", StringComparison.Ordinal)) return true;
            }
            catch (IOException)
            {
                // Closed meanwhile.
            }
        }

        return false;
    }

    private void Trace(string how, int pid, Action meanwhile)
    {
        using Process tracer = PostgresServer.Start(Compile("tracer"), how, pid.ToString(CultureInfo.InvariantCulture));
        Assert.Equal("traced", tracer.StandardOutput.ReadLine());
        meanwhile();
        tracer.StandardInput.Close();
        tracer.WaitForExit();
        Assert.Equal(0, tracer.ExitCode);
    }

    private static MemberLimits Limit(int processes) => new(processes, null, LimitAction.Errno, "EAGAIN");

    private static MemberLimits Block(int processes) => new(processes, null, LimitAction.Block, "");

    private static VirtualService Vs(string name, MemberLimits? limits, params int[] frontDoors) =>
        TestRules.Tenant(name, [.. frontDoors.Select(pid => new Selector(SelectorKind.Pid, pid.ToString(CultureInfo.InvariantCulture)))]) with { Limits = limits };

    private static (long Used, long Hits) UseOf(Enforcer enforcer, string vs)
    {
        LimitUse use = enforcer.Status().Limits.Single(limit => limit.VirtualService == vs);
        return (use.Used, use.Hits);
    }

    private static Enforcer Start(params VirtualService[] tenants) => Start(audit: false, tenants);

    private static Enforcer Start(bool audit, params VirtualService[] tenants) =>
        Enforcer.Start(new RuleSet([.. tenants, TestRules.Tenant(VirtualService.BestEffort)], [], []), new EnforceOptions(audit), TestContext.Current.CancellationToken);
}
