using System.Text.Json;
using VirtualServices.Cli.Demo;
using VirtualServices.Linux.Cgroups;

namespace VirtualServices.EndToEnd;

/// <summary>What is left when our own processes are killed in the middle of their work.</summary>
public sealed class DeathTests
{
    [Fact]
    public async Task A_killed_enforcer_harms_no_transaction_and_a_new_one_takes_over()
    {
        Requirements.SkipUnlessMet();
        await using Site site = await Site.StartAsync();
        await site.WriteAndApproveAsync();
        Enforcer first = await Enforcer.StartAsync(site.Rules, Site.Cancel);
        ChargeAudit audit = new();
        using PgBench one = site.Load(Stage.Aggressor, 8);
        using PgBench other = site.Load(Stage.Victim, 8);
        await site.ConnectedAsync(audit, 4);

        _ = Tmds.Linux.LibC.kill(first.Pid, Child.Kill);
        await Task.Delay(TimeSpan.FromSeconds(1), Site.Cancel);
        await using Enforcer second = await Enforcer.StartAsync(site.Rules, Site.Cancel);
        await Task.Delay(TimeSpan.FromSeconds(1), Site.Cancel);
        using (JsonDocument status = JsonDocument.Parse(await Enforcer.StatusAsync(Site.Cancel)))
        {
            string[] bound = [.. status.RootElement.GetProperty("processes").EnumerateArray().Select(one => one.GetProperty("vs").GetString()!)];
            Assert.Contains(Stage.Aggressor, bound);
            Assert.Contains(Stage.Victim, bound);
        }

        // pgbench ends with an error, and so does this, if a single transaction failed.
        Assert.NotEmpty(await one.FinishAsync(Site.Cancel));
        Assert.NotEmpty(await other.FinishAsync(Site.Cancel));
        await second.StopAsync(Site.Cancel);
    }

    [Fact]
    public async Task A_killed_enforcer_leaves_the_weights_of_the_rules()
    {
        Requirements.SkipUnlessMet();
        await using Site site = await Site.StartAsync();
        await site.WriteAndApproveAsync();
        await using Enforcer enforcer = await Enforcer.StartAsync(site.Rules, Site.Cancel);
        CpuHierarchy hierarchy = CgroupMount.WithCpu(CgroupMount.Find())!.Open();
        (string file, string approved) = hierarchy.WeightSetting(100);
        string weight = Path.Combine(hierarchy.Folder($"/virtual-services/{Stage.Aggressor}"), file);
        Assert.True(await Wait.UntilAsync(() => File.ReadAllText(weight).Trim() != approved, TimeSpan.FromSeconds(5), Site.Cancel), "the weight of an idle tenant is corrected");
        _ = Tmds.Linux.LibC.kill(enforcer.Pid, Child.Kill);
        Assert.True(await Wait.UntilAsync(() => File.ReadAllText(weight).Trim() == approved, TimeSpan.FromSeconds(5), Site.Cancel), $"the weight is {File.ReadAllText(weight)}");
    }

    [Fact]
    public async Task Signals_that_come_while_everything_is_put_back_are_only_answered()
    {
        Requirements.SkipUnlessMet();
        await using Site site = await Site.StartAsync();
        await site.WriteAndApproveAsync();
        await using Enforcer enforcer = await Enforcer.StartAsync(site.Rules, Site.Cancel);
        for (int i = 0; i < 20; i++)
        {
            _ = Tmds.Linux.LibC.kill(enforcer.Pid, Child.Interrupt);
            await Task.Delay(10, Site.Cancel);
        }

        await enforcer.StopAsync(Site.Cancel); // checks the exit code
        Assert.False(Directory.Exists("/sys/fs/bpf/virtual-services"));
    }

    [Fact]
    public async Task An_audit_after_a_killed_enforcer_moves_back_what_was_moved()
    {
        Requirements.SkipUnlessMet();
        await using Site site = await Site.StartAsync();
        await site.WriteAndApproveAsync();
        Enforcer first = await Enforcer.StartAsync(site.Rules, Site.Cancel);
        using PgBench load = site.Load(Stage.Aggressor, 4);
        await site.ConnectedAsync(new ChargeAudit(), 2);
        _ = Tmds.Linux.LibC.kill(first.Pid, Child.Kill);
        await using Enforcer audit = await Enforcer.StartAsync(site.Rules, Site.Cancel, "--audit");
        CpuHierarchy hierarchy = CgroupMount.WithCpu(CgroupMount.Find())!.Open();
        Assert.False(Directory.Exists(hierarchy.Folder("/virtual-services")));
        Assert.NotEmpty(await load.FinishAsync(Site.Cancel));
        await audit.StopAsync(Site.Cancel);
    }

    [Fact]
    public async Task A_demo_whose_enforcer_crashes_takes_back_what_it_left_but_never_anothers()
    {
        Requirements.SkipUnlessMet();
        await using Site site = await Site.StartAsync();
        await site.WriteAndApproveAsync();
        Enforcer first = await Enforcer.StartAsync(site.Rules, Site.Cancel);
        Kill(first);
        await first.DisposeAsync();
        Assert.Equal("none", await StateAsync());

        first = await Enforcer.StartAsync(site.Rules, Site.Cancel);
        Kill(first);
        await using Enforcer second = await Enforcer.StartAsync(site.Rules, Site.Cancel);
        await first.DisposeAsync();
        Assert.Equal("running", await StateAsync());

        // It is in the way of a third, which leaves it alone, too; and of a demo, which tells before it starts anything.
        Model.VsException refused = await Assert.ThrowsAsync<Model.VsException>(() => Enforcer.StartAsync(site.Rules, Site.Cancel));
        Assert.Equal(Model.ExitCode.DoesNotHold, refused.ExitCode);
        string folder = Path.Combine(site.Folder, "demo");
        using Child demo = VsChild.Start(["demo", "-o", folder]);
        Assert.Equal((int)Model.ExitCode.DoesNotHold, await demo.WaitAsync(Site.Cancel));
        Assert.Equal($"vs: demo: another enforcer runs already (pid {second.Pid}): end it with Ctrl-C or 'vs stop'", (demo.Errors + demo.Output).Trim());
        Assert.False(Directory.Exists(folder));
        Assert.Equal("running", await StateAsync());
        await second.StopAsync(Site.Cancel);
        Assert.Equal("none", await StateAsync());

        static void Kill(Enforcer enforcer) => _ = Tmds.Linux.LibC.kill(enforcer.Pid, Child.Kill);

        static async Task<string?> StateAsync()
        {
            using JsonDocument status = JsonDocument.Parse(await Enforcer.StatusAsync(Site.Cancel));
            return status.RootElement.GetProperty("state").GetString();
        }
    }

    [Fact]
    public async Task After_a_killed_enforcer_stop_puts_everything_back()
    {
        Requirements.SkipUnlessMet();
        await using Site site = await Site.StartAsync();
        await site.WriteAndApproveAsync();
        Enforcer enforcer = await Enforcer.StartAsync(site.Rules, Site.Cancel);
        using PgBench load = site.Load(Stage.Aggressor, 4);
        await site.ConnectedAsync(new ChargeAudit(), 2);
        string governed = CgroupMount.WithCpu(CgroupMount.Find())!.Open().Folder("/virtual-services");
        _ = Tmds.Linux.LibC.kill(enforcer.Pid, Child.Kill);
        Assert.True(Directory.Exists(governed), "what is to be taken back is there");
        await VsChild.RunAsync(Site.Cancel, "stop");
        Assert.False(Directory.Exists(governed)); // a control group that holds a process cannot be removed: all are back where they were
        Assert.False(Directory.Exists("/sys/fs/bpf/virtual-services"));
        Assert.NotEmpty(await load.FinishAsync(Site.Cancel));
        using JsonDocument status = JsonDocument.Parse(await Enforcer.StatusAsync(Site.Cancel));
        Assert.Equal("none", status.RootElement.GetProperty("state").GetString());
    }

    [Fact]
    public async Task A_killed_recorder_leaves_a_session_that_can_be_read()
    {
        Requirements.SkipUnlessMet();
        await using Site site = await Site.StartAsync();
        using PgBench early = site.Load(Stage.Aggressor, 3);
        using PgBench otherEarly = site.Load(Stage.Victim, 3);
        using (Child recorder = await site.StartRecordingAsync("127.0.0.1", "60s"))
        {
            using PgBench one = site.Load(Stage.Aggressor, 3);
            using PgBench other = site.Load(Stage.Victim, 3);
            await one.FinishAsync(Site.Cancel);
            await other.FinishAsync(Site.Cancel);
            recorder.Signal(Child.Kill);
            Assert.NotEqual(0, await recorder.WaitAsync(Site.Cancel));
        }

        using JsonDocument shown = JsonDocument.Parse(await VsChild.RunAsync(Site.Cancel, "show", site.Session, "--json"));
        Assert.Equal(JsonValueKind.Object, shown.RootElement.ValueKind);
        await VsChild.RunAsync(Site.Cancel, "infer", site.Session, "-o", site.Rules);
        Assert.Contains(Stage.Service, await File.ReadAllTextAsync(site.Rules, Site.Cancel), StringComparison.Ordinal);
    }
}
