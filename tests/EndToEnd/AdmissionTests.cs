using System.Diagnostics;
using System.Globalization;
using System.Net;
using VirtualServices.Bench.EventLoop;
using VirtualServices.Cli.Demo;
using VirtualServices.Enforce;
using VirtualServices.Enforce.Explaining;
using VirtualServices.Model;

namespace VirtualServices.EndToEnd;

/// <summary>One thread serves all tenants: whose requests it reads next is decided outside it.</summary>
public sealed class AdmissionTests
{
    // Looser than what is promised (2, 0.92), and of the 90th percentile: the window is short, and other work may run beside. The bench measures.
    private const double Part = 0.9;
    private const double MostOfAlone = 6;
    private const double LeastGain = 3;
    private const double LeastConserved = 0.75;
    private const double LeastOfTargetRate = 0.9;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task A_steady_tenant_of_an_event_loop_is_protected_from_one_that_takes_all_it_can()
    {
        Requirements.SkipUnlessMet();
        await using SharedRedis shared = await SharedRedis.StartAsync(Site.Cancel);
        (ArmResult alone, ArmResult cgroups, ArmResult governed) = await shared.CompareAsync(new RedisLoad(await shared.SlowRequestAsync(Site.Cancel), 100), 1, TimeSpan.FromSeconds(3), TextWriter.Null, Site.Cancel);
        double usual = alone.Victim.Quantile(Part), without = cgroups.Victim.Quantile(Part), with = governed.Victim.Quantile(Part);
        string said = $"p90 {usual} ms alone, {without} without, {with} with; p99 {alone.P99}, {cgroups.P99}, {governed.P99}; rates {alone.Victim.Rate}, {governed.Victim.Rate}; aggressor {cgroups.Aggressor.RateAtEqualSpeed}, {governed.Aggressor.RateAtEqualSpeed}";
        Assert.True(alone.Victim.Rate >= LeastOfTargetRate * alone.TargetRate, said);
        Assert.True(governed.Victim.Rate >= LeastOfTargetRate * governed.TargetRate, said);
        Assert.True(with <= MostOfAlone * usual, said);
        Assert.True(without >= LeastGain * with, said);
        Assert.True(governed.Aggressor.RateAtEqualSpeed >= LeastConserved * cgroups.Aggressor.RateAtEqualSpeed, said);
        TestContext.Current.TestOutputHelper?.WriteLine(said);
    }

    [Fact]
    public async Task A_recording_of_an_event_loop_leads_to_rules_that_admit_its_requests()
    {
        const int LongEnough = 300;
        Requirements.SkipUnlessMet();
        await using SharedRedis shared = await SharedRedis.StartAsync(Site.Cancel);
        string request = await shared.SlowRequestAsync(Site.Cancel), session = Path.Combine(shared.Folder, "session"), rules = Path.Combine(shared.Folder, "inferred.yaml");
        using TurnsLoad one = shared.Load(SharedRedis.Aggressor, 20, null, LongEnough, request), other = shared.Load(SharedRedis.Victim, 20, null, LongEnough, request);
        await VsChild.RunAsync(
            Site.Cancel,
            "record", "-o", session, "--duration", "3s",
            "--service", $"{SharedRedis.Aggressor}=cgroup:{shared.Cgroups.PathOf(SharedRedis.Aggressor)}",
            "--service", $"{SharedRedis.Victim}=cgroup:{shared.Cgroups.PathOf(SharedRedis.Victim)}",
            "--service", string.Create(CultureInfo.InvariantCulture, $"{SharedRedis.Service}=listen:tcp/{shared.Redis.Port}"));
        await VsChild.RunAsync(Site.Cancel, "infer", session, "-o", rules);
        string proposed = await File.ReadAllTextAsync(rules, Site.Cancel);
        Assert.Contains("binds: request", proposed, StringComparison.Ordinal);
        Assert.Contains("pattern: event-loop", proposed, StringComparison.Ordinal);
        await VsChild.RunAsync(Site.Cancel, "approve", rules, "--all", "--by", "test");
        await using (Cli.Demo.Enforcer enforcer = await Cli.Demo.Enforcer.StartAsync(rules, Site.Cancel))
        {
            Assert.True(await Wait.UntilAsync(() => Held() > 10, Patience, Site.Cancel), "nobody was held");
            IReadOnlyList<AdmissionUse> uses = StatusReader.Read().Admission;
            Assert.Equal([SharedRedis.Aggressor, SharedRedis.Victim], uses.Where(use => use.Requests > 100).Select(use => use.VirtualService).Order());
            await enforcer.StopAsync(Site.Cancel);
        }

        Assert.NotEmpty(await one.StopAsync(Site.Cancel));
        Assert.NotEmpty(await other.StopAsync(Site.Cancel));
    }

    [Fact]
    public async Task A_server_that_is_killed_while_connections_are_held_is_admitted_again_when_it_is_back()
    {
        const int LongEnough = 300;
        Requirements.SkipUnlessMet();
        await using SharedRedis shared = await SharedRedis.StartAsync(Site.Cancel);
        await shared.WriteRulesAsync((100, 100), Site.Cancel);
        await using Cli.Demo.Enforcer enforcer = await Cli.Demo.Enforcer.StartAsync(shared.Rules, Site.Cancel);
        for (int life = 1; life <= 3; life++)
        {
            if (life > 1) await shared.RestartAsync(Site.Cancel);
            string request = await shared.SlowRequestAsync(Site.Cancel);
            using TurnsLoad one = shared.Load(SharedRedis.Aggressor, 20, null, LongEnough, request), other = shared.Load(SharedRedis.Victim, 20, null, LongEnough, request);
            long before = await shared.RequestsAsync(Site.Cancel);
            Assert.True(await Wait.UntilAsync(() => (Held() > 10 && shared.RequestsAsync(Site.Cancel).Result > before + 1000) || one.HasExited, Patience, Site.Cancel) && !one.HasExited, $"life {life}: nobody was held: {one.Errors}");
            if (life < 3) continue;
            Assert.NotEmpty(await one.StopAsync(Site.Cancel));
            Assert.NotEmpty(await other.StopAsync(Site.Cancel));
        }

        await enforcer.StopAsync(Site.Cancel);
    }

    [Fact]
    public async Task A_watchdog_that_is_killed_lets_go_what_is_held_and_gets_a_successor()
    {
        const int LongEnough = 300;
        Requirements.SkipUnlessMet();
        await using SharedRedis shared = await SharedRedis.StartAsync(Site.Cancel);
        await shared.WriteRulesAsync((100, 100), Site.Cancel);
        string request = await shared.SlowRequestAsync(Site.Cancel);
        using TurnsLoad one = shared.Load(SharedRedis.Aggressor, 20, null, LongEnough, request), other = shared.Load(SharedRedis.Victim, 20, null, LongEnough, request);
        await using (Cli.Demo.Enforcer enforcer = await Cli.Demo.Enforcer.StartAsync(shared.Rules, Site.Cancel))
        {
            for (int life = 1; life <= 3; life++)
            {
                Assert.True(await Wait.UntilAsync(() => Held() > 10, Patience, Site.Cancel), $"watchdog {life}: nobody was held");
                int watchdog = Assert.Single(WatchdogsOf(enforcer.Pid));
                using (Process process = Process.GetProcessById(watchdog)) process.Kill();
                Assert.True(await Wait.UntilAsync(() => WatchdogsOf(enforcer.Pid) is [int next] && next != watchdog, Patience, Site.Cancel), $"watchdog {life} has no successor");
                long before = await shared.RequestsAsync(Site.Cancel);
                Assert.True(await Wait.UntilAsync(() => shared.RequestsAsync(Site.Cancel).Result > before + 1000, Patience, Site.Cancel), "nobody is served any more");
            }

            await enforcer.StopAsync(Site.Cancel);
        }

        Assert.NotEmpty(await one.StopAsync(Site.Cancel));
        Assert.NotEmpty(await other.StopAsync(Site.Cancel));
    }

    [Fact]
    public async Task Connections_that_end_while_they_are_held_are_forgotten_and_held_ones_are_explained()
    {
        const int LongEnough = 300, Ending = 20;
        Requirements.SkipUnlessMet();
        await using SharedRedis shared = await SharedRedis.StartAsync(Site.Cancel);
        await shared.WriteRulesAsync((100, 100), Site.Cancel);
        string request = await shared.SlowRequestAsync(Site.Cancel);
        using TurnsLoad staying = shared.Load(SharedRedis.Aggressor, 20, null, LongEnough, request);
        await using Cli.Demo.Enforcer enforcer = await Cli.Demo.Enforcer.StartAsync(shared.Rules, Site.Cancel);
        using (TurnsLoad ending = shared.Load(SharedRedis.Victim, Ending, null, LongEnough, request))
        {
            Assert.True(await Wait.UntilAsync(() => HeldOf(SharedRedis.Victim) > Ending / 2, Patience, Site.Cancel), "nobody was held");
            using ExplainReader explain = ExplainReader.Open();
            ConnectionExplanation[] all = [.. explain.Connections(new ConnectionName(new Endpoint(IPAddress.Loopback, shared.Redis.Port, ""), null)).Where(one => one.VirtualService == SharedRedis.Victim)];
            Assert.Equal(Ending, all.Length);
            Assert.DoesNotContain(all, one => one.Admission is null);
            ConnectionAdmission[] held = [.. all.Select(one => one.Admission!).Where(admission => admission.Held)];
            Assert.Contains(held, admission => admission.Waits > TimeSpan.Zero && admission.Waits < Patience);
            Assert.All(held, admission => Assert.Equal(SharedRedis.Victim, admission.Use?.VirtualService));
        }

        // Its process was killed: what it had asked and not read ends with a reset.
        Assert.True(await Wait.UntilAsync(() => HeldOf(SharedRedis.Victim) == 0, Patience, Site.Cancel), "connections that are gone count as held");
        Assert.True(await Wait.UntilAsync(() => Clients(shared).Result == 20 + 1, Patience, Site.Cancel), "the server was not told that connections ended");
        long before = await shared.RequestsAsync(Site.Cancel);
        Assert.True(await Wait.UntilAsync(() => shared.RequestsAsync(Site.Cancel).Result > before + 1000, Patience, Site.Cancel), "nobody is served any more");
        await enforcer.StopAsync(Site.Cancel);
        Assert.NotEmpty(await staying.StopAsync(Site.Cancel));
    }

    [Theory]
    [InlineData(Child.Kill)]
    [InlineData(Child.Stop)]
    public async Task What_a_killed_or_halted_enforcer_holds_is_let_go(int signal)
    {
        const int Connections = 50, LongEnough = 300;
        Requirements.SkipUnlessMet();
        await using SharedRedis shared = await SharedRedis.StartAsync(Site.Cancel);
        await shared.WriteRulesAsync((100, 100), Site.Cancel);
        string request = await shared.SlowRequestAsync(Site.Cancel);
        using TurnsLoad aggressor = shared.Load(SharedRedis.Aggressor, Connections, null, LongEnough, request), victim = shared.Load(SharedRedis.Victim, 2, 100, LongEnough, request);
        using Child enforcer = VsChild.Start(["enforce", shared.Rules]);
        DateTime dead, undone;
        try
        {
            Assert.True(await Wait.UntilAsync(() => enforcer.HasExited || Held() > Connections / 2, Patience, Site.Cancel) && !enforcer.HasExited, $"nobody was held: {enforcer.Errors}{enforcer.Output}");
            dead = DateTime.UtcNow;
            enforcer.Signal(signal);
            long answered = await shared.RequestsAsync(Site.Cancel);
            Assert.True(await Wait.UntilAsync(() => shared.RequestsAsync(Site.Cancel).Result > answered + 20 * Connections, Patience, Site.Cancel), "nobody is served any more");
            Assert.NotEmpty(await victim.StopAsync(Site.Cancel));
            undone = DateTime.UtcNow;
        }
        finally
        {
            enforcer.Signal(Child.Kill);
            await enforcer.WaitAsync(CancellationToken.None);
            EnforcementStop.Run(null);
        }

        // Each connection of a closed loop waits for an answer at any moment: one that stayed held did not get it before all was undone.
        List<double> gaps = [.. (await aggressor.StopAsync(Site.Cancel)).Where(turn => turn.End > dead && turn.End < undone && turn.End.AddMilliseconds(-turn.LatencyMs) < dead).Select(turn => (turn.End - dead).TotalMilliseconds)];
        Assert.InRange(gaps.Count, (int)(0.9 * Connections), Connections);
        TestContext.Current.TestOutputHelper?.WriteLine($"the last one was answered {gaps.Max()} ms after the signal");
    }

    // It has another shell, which guards the weights.
    private static int[] WatchdogsOf(int enforcer) =>
        [.. Procfs.ChildrenOf(enforcer).Where(child => Procfs.ArgumentsOf(child)?.Contains("vs-watchdog", StringComparison.Ordinal) == true)];

    private static int HeldOf(string tenant) => StatusReader.Read().Admission.Where(use => use.VirtualService == tenant).Sum(use => use.Held);

    // The one who asks is one of them.
    private static async Task<int> Clients(SharedRedis shared) =>
        int.Parse((await shared.Redis.CommandAsync(Site.Cancel, "info", "clients")).Split('\n').First(line => line.StartsWith("connected_clients:", StringComparison.Ordinal)).Split(':')[1].Trim(), CultureInfo.InvariantCulture);

    private static int Held() => StatusReader.Read().Admission.Sum(use => use.Held);
}
