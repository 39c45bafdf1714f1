using System.Text.Json;
using VirtualServices.Bench.Network;
using VirtualServices.Cli.Demo;

namespace VirtualServices.EndToEnd;

/// <summary>Two tenants share a link and the servers behind it: one asks for bulk, the other one for little. Compared with the same link without virtual services in the same run.</summary>
public sealed class NetworkTests
{
    private const double LeastReached = 0.95, LeastUsed = 0.95;
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(2);
    private static readonly Question ManyFiles = new(false, SharedLink.Big, 16), FewFiles = new(false, SharedLink.Small, 4, 300), ManyDatagrams = new(true, SharedLink.ManyDatagrams, 16), FewDatagrams = new(true, "1000", 4, 300);

    [Fact]
    public async Task Bulk_replies_of_a_shared_nginx_do_not_delay_those_to_another_tenant()
    {
        const double TimesBetter = 20;
        (NetworkArm nothing, NetworkArm governed) = await CompareAsync(loopback: false, SharedLink.UsualRate, ManyFiles, FewFiles);
        Assert.True(governed.P99 * TimesBetter < nothing.P99, $"p99 {governed.P99} ms, without virtual services {nothing.P99} ms");
    }

    [Fact]
    public async Task Bulk_datagrams_do_not_fill_the_socket_that_works_for_another_tenant_too()
    {
        const double TimesBetter = 5; // of the median: one thread has to answer both, so some datagrams wait for it
        (NetworkArm nothing, NetworkArm governed) = await CompareAsync(loopback: true, SharedLink.UsualRate / 4, ManyDatagrams, FewDatagrams);
        double with = governed.Victim.Quantile(0.5), without = nothing.Victim.Quantile(0.5);
        Assert.True(with * TimesBetter < without, $"median {with} ms, without virtual services {without} ms");
    }

    [Fact]
    public async Task Datagrams_of_a_tenant_who_has_a_server_to_himself_wait_and_are_not_dropped()
    {
        Requirements.SkipUnlessMet();
        const long Enough = 5_000_000;
        await using SharedLink link = await SharedLink.StartAsync(loopback: false, Site.Cancel);
        await link.WriteRulesAsync(Site.Cancel, ("{ weight: 100 }", null), ("{ weight: 100 }", null));
        await using Cli.Demo.Enforcer enforcer = await Cli.Demo.Enforcer.StartAsync(link.Rules, Site.Cancel);
        using AskLoad only = link.Ask(0, ManyDatagrams);
        Assert.True(await Wait.UntilAsync(() => only.Bytes > Enough, TimeSpan.FromSeconds(20), Site.Cancel), "too little was answered");
        using JsonDocument status = JsonDocument.Parse(await Cli.Demo.Enforcer.StatusAsync(Site.Cancel));
        JsonElement sent = status.RootElement.GetProperty("network").EnumerateArray().Single(one => one.GetProperty("vs").GetString() == SharedLink.Tenant(0));
        Assert.Equal((true, 0L), (sent.GetProperty("bytes").GetInt64() > Enough, sent.GetProperty("dropped").GetInt64()));
        Assert.NotEmpty(await only.StopAsync(Site.Cancel));
        await enforcer.StopAsync(Site.Cancel);
    }

    private static async Task<(NetworkArm Nothing, NetworkArm Governed)> CompareAsync(bool loopback, long bitsPerSecond, Question bulk, Question small)
    {
        Requirements.SkipUnlessMet();
        await using SharedLink link = await SharedLink.StartAsync(loopback, Site.Cancel, bitsPerSecond);
        NetworkArm[] arms = await NetworkIsolation.CompareAsync(link, bulk, small, 1, Window, TextWriter.Null, Site.Cancel);
        (NetworkArm alone, NetworkArm nothing, NetworkArm governed) = (arms[0], arms[1], arms[2]);
        TestContext.Current.TestOutputHelper?.WriteLine($"p50, p99 of the victim in ms: alone {alone.Victim.Quantile(0.5)}, {alone.P99}; nothing {nothing.Victim.Quantile(0.5)}, {nothing.P99}; virtual services {governed.Victim.Quantile(0.5)}, {governed.P99}");
        Assert.All([alone, governed], arm => Assert.True(arm.Victim.Rate > LeastReached * arm.Rate, $"{arm.Name}: {arm.Victim.Rate}/s of {arm.Rate}/s"));
        Assert.All([nothing, governed], arm => Assert.True(arm.Used[0] > LeastUsed, $"{arm.Name}: {arm.Used[0]} of the link was used"));
        return (nothing, governed);
    }
}
