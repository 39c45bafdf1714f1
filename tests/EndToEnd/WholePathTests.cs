using System.Text.Json;
using VirtualServices.Cli.Demo;

namespace VirtualServices.EndToEnd;

public sealed class WholePathTests
{
    // What the demo promises. What a backend does between its birth and the first byte that it receives is not its tenant's.
    private const double LeastChargedRight = 0.97;

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    [InlineData("unix")]
    public async Task Recorded_inferred_approved_and_enforced_each_tenant_pays_for_its_own_backends(string transport)
    {
        Requirements.SkipUnlessMet();
        await using Site site = await Site.StartAsync();
        Assert.SkipWhen(transport == "::1" && !site.Stage.Server.ListensOnIPv6, "this host has no IPv6 loopback");
        string host = transport == "unix" ? site.Stage.Server.SocketFolder : transport;
        await site.RecordAndApproveAsync(host);
        using (JsonDocument replay = JsonDocument.Parse(await VsChild.RunAsync(Site.Cancel, "replay", site.Rules, site.Session, "--json")))
            Assert.Equal(JsonValueKind.Object, replay.RootElement.ValueKind);

        ChargeAudit audit = new();
        await using Enforcer enforcer = await Enforcer.StartAsync(site.Rules, Site.Cancel);
        using PgBench one = site.Load(Stage.Aggressor, 16, host);
        using PgBench other = site.Load(Stage.Victim, 16, host);
        await site.ConnectedAsync(audit, 4);
        await Task.Delay(TimeSpan.FromSeconds(8), Site.Cancel);
        double right = await site.ChargedRightAsync(audit, one, other);
        Assert.True(right >= LeastChargedRight, $"{right:P1} charged right; {string.Join("; ", audit.Unexplained)}");

        string[] governed = [.. Backends(site).Select(CgroupOf)];
        Assert.Equal(2, governed.Distinct().Count(group => group.Contains("/virtual-services/", StringComparison.Ordinal)));
        await enforcer.StopAsync(Site.Cancel);
        Assert.All(Backends(site).Select(CgroupOf), group => Assert.EndsWith(site.Stage.Cgroups.PathOf(Stage.Service), group, StringComparison.Ordinal));
        await one.FinishAsync(Site.Cancel);
        await other.FinishAsync(Site.Cancel);
    }

    [Fact]
    public async Task Inferring_twice_gives_the_same_bytes()
    {
        Requirements.SkipUnlessMet();
        await using Site site = await Site.StartAsync();
        using PgBench early = site.Load(Stage.Aggressor, 3);
        using PgBench otherEarly = site.Load(Stage.Victim, 3);
        using (Child recorder = await site.StartRecordingAsync("127.0.0.1", "3s"))
        {
            using PgBench load = site.Load(Stage.Victim, 2);
            await load.FinishAsync(Site.Cancel);
            Assert.True(await recorder.WaitAsync(Site.Cancel) == 0, recorder.Errors);
        }

        string again = Path.Combine(site.Folder, "again.yaml");
        await VsChild.RunAsync(Site.Cancel, "infer", site.Session, "-o", site.Rules);
        await VsChild.RunAsync(Site.Cancel, "infer", site.Session, "-o", again);
        Assert.Equal(await File.ReadAllBytesAsync(site.Rules, Site.Cancel), await File.ReadAllBytesAsync(again, Site.Cancel));
    }

    // The processes that serve a connection of a tenant; PostgreSQL writes the role into their titles.
    private static IEnumerable<int> Backends(Site site) => Procfs.ChildrenOf(site.Stage.Server.Pid)
        .Where(pid => File.ReadAllText($"/proc/{pid}/cmdline").Contains("tenant-", StringComparison.Ordinal));

    private static string CgroupOf(int pid)
    {
        string[] lines = File.ReadAllLines($"/proc/{pid}/cgroup");
        return (lines.FirstOrDefault(line => line.Split(':')[1].Split(',').Contains("cpu")) ?? lines.First(line => line.StartsWith("0::", StringComparison.Ordinal))).Split(':', 3)[2];
    }
}
