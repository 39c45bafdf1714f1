using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using VirtualServices.Cli.Metrics;
using VirtualServices.Enforce;

namespace VirtualServices.Cli.Tests;

public sealed partial class MetricsTests
{
    [Fact]
    public async Task What_is_served_is_what_is_documented()
    {
        string text = await ScrapeAsync(Status());
        string[] served = [.. Type().Matches(text).Select(match => match.Groups[1].Value).Order(StringComparer.Ordinal)];
        string[] documented = [.. Documented().Matches(await File.ReadAllTextAsync(DocsPath(), TestContext.Current.CancellationToken)).Select(match => match.Groups[1].Value).Order(StringComparer.Ordinal)];

        // The histogram has nothing to say before the first move: no test has seen it served yet.
        Assert.Equal(documented.Where(name => name != "vs_enforcer_move_latency_seconds"), served);
    }

    [Fact]
    public async Task Values_are_those_of_the_status()
    {
        string text = await ScrapeAsync(Status());
        Assert.Matches("(?m)^vs_cpu_time_seconds_total\\{.*service=\"postgres\".*vs=\"acme\".*\\} 1\\.5( |$)|^vs_cpu_time_seconds_total\\{.*vs=\"acme\".*service=\"postgres\".*\\} 1\\.5( |$)", text);
        Assert.Matches("(?m)^vs_cpu_max\\{.*vs=\"acme\".*\\} 0\\.5( |$)", text);
        Assert.DoesNotMatch("(?m)^vs_cpu_max\\{.*vs=\"bestEffort\"", text);
        Assert.Matches("(?m)^vs_sockets_limit\\{vs=\"acme\"\\} 9( |$)", text);
        Assert.Matches("(?m)^vs_sockets_limited_total\\{vs=\"acme\"\\} 2( |$)", text);
        Assert.Matches("(?m)^vs_processes_counted\\{vs=\"acme\"\\} 20( |$)", text);
        Assert.Matches("(?m)^vs_processes_limit\\{vs=\"acme\"\\} 20( |$)", text);
        Assert.Matches("(?m)^vs_processes_limited_total\\{vs=\"acme\"\\} 4( |$)", text);
        Assert.Matches("(?m)^vs_gate_calls_total\\{.*gate=\"g\\\\\"1\".*\\} 9( |$)", text);
        Assert.Matches("(?m)^vs_enforcer_moves_total\\{.*result=\"failed\".*\\} 3( |$)", text);
        Assert.Matches("(?m)^vs_enforcer_memory_bytes(\\{\\})? [1-9]", text);
    }

    [Fact]
    public async Task The_kernel_is_read_once_for_a_scrape_and_not_after_the_end()
    {
        int reads = 0, port = FreePort();
        using (MetricsServer.Start(new MetricsAddress(IPAddress.Loopback, port), () => { reads++; return Status(); }, new StandingClock()))
        {
            Assert.Equal(0, reads);
            using HttpClient client = new();
            await client.GetStringAsync($"http://127.0.0.1:{port}/metrics", TestContext.Current.CancellationToken);
            Assert.Equal(1, reads);
        }

        using HttpClient late = new();
        await Assert.ThrowsAsync<HttpRequestException>(() => late.GetStringAsync($"http://127.0.0.1:{port}/metrics", TestContext.Current.CancellationToken));
    }

    [Fact]
    public void An_address_that_is_taken_is_refused_with_the_way_out()
    {
        using TcpListener taken = new(IPAddress.Loopback, 0);
        taken.Start();
        MetricsAddress address = new(IPAddress.Loopback, ((IPEndPoint)taken.LocalEndpoint).Port);
        VsException refused = Assert.Throws<VsException>(() => MetricsServer.Start(address, () => EnforcementStatus.Nothing, TimeProvider.System).Dispose());
        Assert.Equal(ExitCode.HostLacks, refused.ExitCode);
        Assert.StartsWith($"cannot serve metrics at {address}: ", refused.Message, StringComparison.Ordinal);
        Assert.EndsWith("choose another address with --metrics", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.1:9464", "127.0.0.1", true)]
    [InlineData("[::1]:9464", "[::1]", true)]
    [InlineData("0.0.0.0:80", "*", false)]
    [InlineData("10.1.2.3:80", "10.1.2.3", false)]
    public void Addresses_are_read(string text, string host, bool loopback)
    {
        MetricsAddress address = MetricsAddress.Parse(text);
        Assert.Equal((host, loopback), (address.Host, address.IsLoopback));
    }

    [Theory]
    [InlineData("")]
    [InlineData("9464")]
    [InlineData("localhost:9464")]
    [InlineData("127.0.0.1")]
    [InlineData("127.0.0.1:0")]
    [InlineData("127.0.0.1:65536")]
    [InlineData("/run/x.sock")]
    [InlineData("::1:9464")]
    public void What_is_no_address_is_a_usage_error(string text) => Assert.Equal(ExitCode.Usage, Assert.Throws<VsException>(() => MetricsAddress.Parse(text)).ExitCode);

    private static async Task<string> ScrapeAsync(EnforcementStatus status)
    {
        int port = FreePort();
        using MetricsServer server = MetricsServer.Start(new MetricsAddress(IPAddress.Loopback, port), () => status, TimeProvider.System);
        using HttpClient client = new();
        return await client.GetStringAsync($"http://127.0.0.1:{port}/metrics", TestContext.Current.CancellationToken);
    }

    private static EnforcementStatus Status()
    {
        VirtualServiceShare share = new(new CpuShare(200, 0.5), new NetworkShare(), null, null);
        UseCounts counts = new(1_500_000_000, 2, 3, 250_000_000, 40, 1);
        return EnforcementStatus.Nothing with
        {
            VirtualServices = [new VirtualServiceUse("acme", "", counts, counts, share), new VirtualServiceUse("bestEffort", "", default, default, share with { Cpu = new CpuShare(10) })],
            Use = [new ServiceUse("acme", "postgres", counts)],
            Limits = [new LimitUse("acme", "processes", 20, 20, 4, "best-effort"), new LimitUse("acme", "sockets", 7, 9, 2, "best-effort")],
            Gates = [new GateCount("g\"1", 9, 4, 1)],
            Mover = new MoverStatus(1, 2, 3, 4, 0, 0, 0, ""),
        };
    }

    // A scrape may take longer than what was read is taken for new, on a busy machine.
    private sealed class StandingClock : TimeProvider
    {
        public override long GetTimestamp() => 1;
    }

    private static int FreePort()
    {
        using TcpListener probe = new(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private static string DocsPath([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../docs/metrics.md"));

    [GeneratedRegex("(?m)^# TYPE (\\S+) ")]
    private static partial Regex Type();

    [GeneratedRegex("(?m)^\\| `[a-z.]+` \\| [^|]+ \\| `([a-z_]+)` \\|")]
    private static partial Regex Documented();
}
