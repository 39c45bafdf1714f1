using System.Globalization;
using System.Text.Json;
using VirtualServices.Cli.Demo;
using VirtualServices.Model;

namespace VirtualServices.Bench.Network;

/// <summary>
/// Two network namespaces of our own, joined by a veth pair: <c>near</c> has an nginx and a server of datagrams that work for all tenants, <c>far</c> has an address for each tenant, who are told apart by it.
/// Inside <c>near</c> the same servers are asked over the loopback, too, by tenants that are told apart by their cgroups.
/// A discipline of the kernel that knows no tenants (TBF, one queue) stands for a link as it is without virtual services.
/// </summary>
internal sealed class SharedLink : IAsyncDisposable
{
    /// <summary>Rate of the link where none is given.</summary>
    public const long UsualRate = 200_000_000;

    /// <summary>The files that nginx has.</summary>
    public const string Small = "/small", Big = "/big";

    /// <summary>Bytes of datagrams that bulk asks for at a time.</summary>
    public const string ManyDatagrams = "8000";

    /// <summary>A full datagram. Who asks for one at a time always has some that wait, as who asks for a file does; of answers of several those that were dropped are asked for again all at once, and nobody wants anything in between.</summary>
    public const string OneDatagram = "1400";

    private const int SmallBytes = 1000, BigBytes = 4_000_000, Port = 8099;
    private const string Near4 = "10.98.0.1", Loopback = "127.0.0.1", VirtualEthernet = "near0";

    // A queue of a thousand packets, which is what a card has.
    private const string Queue = "1514000";

    private static readonly string[] Tenants = ["tenant-a", "tenant-b", "tenant-c"];
    private readonly string _folder = Directory.CreateTempSubdirectory("vs-link-").FullName;
    private readonly bool _loopback;
    private DemoCgroups? _cgroups;
    private Child? _nginx, _datagrams;
    private string _ask = "";

    private SharedLink(bool loopback, long bitsPerSecond)
    {
        (_loopback, BitsPerSecond) = (loopback, bitsPerSecond);
        string number = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        (Near, Far) = ($"vs-link-near-{number}", $"vs-link-far-{number}");
    }

    /// <summary>Rate of the link.</summary>
    public long BitsPerSecond { get; }

    /// <summary>Namespace of the servers.</summary>
    public string Near { get; }

    /// <summary>Namespace of the clients that come over the veth pair.</summary>
    public string Far { get; }

    /// <summary>The device that the servers' answers leave by.</summary>
    public string Device => _loopback ? "lo" : VirtualEthernet;

    /// <summary>The rule file.</summary>
    public string Rules => Path.Combine(_folder, "rules.yaml");

    /// <summary>Makes the namespaces and starts the servers.</summary>
    /// <param name="loopback">True where the tenants ask over the loopback.</param>
    /// <param name="cancel">Ends the start.</param>
    /// <param name="bitsPerSecond">Rate of the link.</param>
    public static async Task<SharedLink> StartAsync(bool loopback, CancellationToken cancel, long bitsPerSecond = UsualRate)
    {
        SharedLink link = new(loopback, bitsPerSecond);
        try
        {
            await link.SetUpAsync(cancel);
            return link;
        }
        catch
        {
            await link.DisposeAsync();
            throw;
        }
    }

    /// <summary>Name of a tenant.</summary>
    public static string Tenant(int index) => Tenants[index];

    /// <summary>A tenant's client.</summary>
    /// <param name="tenant">Number of the tenant.</param>
    /// <param name="question">What it asks.</param>
    /// <param name="timed">Its latencies are measured, without its own waiting for a processor.</param>
    public AskLoad Ask(int tenant, Question question, bool timed = false) => _loopback
        ? AskLoad.Start(_ask, Near, _cgroups!.Folder(Tenants[tenant]), (Loopback, Port), Loopback, question, timed)
        : AskLoad.Start(_ask, Far, null, (Near4, Port), AddressOf(tenant), question, timed);

    /// <summary>Writes the approved rules.</summary>
    /// <param name="cancel">Ends the wait.</param>
    /// <param name="shares">What stands in <c>network</c> of each tenant, and the name of a parent without one where it has one.</param>
    public async Task WriteRulesAsync(CancellationToken cancel, params (string Network, string? Parent)[] shares)
    {
        string tenants = string.Join('\n', shares.Select((share, i) => $$"""
              - { name: {{Tenants[i]}}, {{(share.Parent is null ? "" : $"parent: {share.Parent}, ")}}network: {{share.Network}}, frontDoors: [ { {{(_loopback ? $"cgroup: {_cgroups!.PathOf(Tenants[i])}" : $"client: {AddressOf(i)}/32")}} } ] }
            """));
        string parents = string.Concat(shares.Select(share => share.Parent).OfType<string>().Distinct().Select(name => $"  - {{ name: {name} }}\n"));
        await File.WriteAllTextAsync(
            Rules,
            string.Create(CultureInfo.InvariantCulture, $$"""
            version: 1
            network: { devices: [ { name: {{Device}}, netns: {{Near}}, rate: {{BitsPerSecond}}bit } ] }
            virtualServices:
            {{parents}}{{tenants}}
            services:
              - { name: web, match: { pid: {{_nginx!.Pid}} } }
              - { name: datagrams, match: { pid: {{_datagrams!.Pid}} } }
            gates:
              - { id: web-receive, service: web, on: receive, when: { listen: tcp/{{Port}} }, classify: keep, binds: connection, state: proposed }
              - { id: datagrams-receive, service: datagrams, on: receive, when: { listen: udp/{{Port}} }, classify: keep, binds: connection, state: proposed }

            """),
            cancel);
        await VsChild.RunAsync(cancel, "approve", Rules, "--all", "--by", "bench");
    }

    /// <summary>Makes the device a link of the rate, with one queue for all.</summary>
    public Task ShapeAsync(CancellationToken cancel) =>
        TcAsync(cancel, "qdisc", "replace", "dev", Device, "root", "tbf", "rate", string.Create(CultureInfo.InvariantCulture, $"{BitsPerSecond}bit"), "burst", "131072", "limit", Queue);

    /// <summary>Takes that away.</summary>
    public Task FreeAsync(CancellationToken cancel) => TcAsync(cancel, "qdisc", "del", "dev", Device, "root");

    /// <summary>Bytes that left by the device, as its root discipline counts them: with the headers of each packet.</summary>
    public async Task<long> SentAsync(CancellationToken cancel)
    {
        using JsonDocument all = JsonDocument.Parse(await TcAsync(cancel, "-s", "-j", "qdisc", "show", "dev", Device));
        return all.RootElement.EnumerateArray().First(one => one.TryGetProperty("root", out _)).GetProperty("bytes").GetInt64();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (Child? server in (Child?[])[_nginx, _datagrams])
        {
            if (server is null) continue;
            await server.EndAsync(Child.Terminate, TimeSpan.FromSeconds(5));
            server.Dispose();
        }

        foreach (string space in (string[])[Near, Far])
            if (File.Exists(Path.Combine("/run/netns", space))) await IpAsync(CancellationToken.None, "netns", "del", space);
        _cgroups?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static string AddressOf(int tenant) => string.Create(CultureInfo.InvariantCulture, $"10.98.0.{2 + tenant}");

    private static Task<string> IpAsync(CancellationToken cancel, params string[] words) => Child.RunAsync([Tools.Find("ip", "iproute2"), .. words], null, cancel);

    private Task<string> TcAsync(CancellationToken cancel, params string[] words) => Child.RunAsync([Tools.Find("tc", "iproute2"), "-n", Near, .. words], null, cancel);

    private async Task SetUpAsync(CancellationToken cancel)
    {
        _ask = await CProgram.CompileAsync("ask", _folder, cancel);
        string datagrams = await CProgram.CompileAsync("datagrams", _folder, cancel);
        if (_loopback) _cgroups = DemoCgroups.Create("virtual-services-bench");
        await IpAsync(cancel, "netns", "add", Near);
        await IpAsync(cancel, "netns", "add", Far);
        await IpAsync(cancel, "link", "add", VirtualEthernet, "netns", Near, "type", "veth", "peer", "name", "far0", "netns", Far);
        await IpAsync(cancel, "-n", Near, "addr", "add", $"{Near4}/24", "dev", VirtualEthernet);
        for (int i = 0; i < Tenants.Length; i++) await IpAsync(cancel, "-n", Far, "addr", "add", $"{AddressOf(i)}/24", "dev", "far0");
        foreach ((string space, string device) in ((string, string)[])[(Near, VirtualEthernet), (Near, "lo"), (Far, "far0")]) await IpAsync(cancel, "-n", space, "link", "set", device, "up");
        _datagrams = Child.Start([datagrams, Port.ToString(CultureInfo.InvariantCulture)], networkNamespace: Near);
        _nginx = Child.Start([Tools.Find("nginx", "nginx-light"), "-c", await WriteNginxAsync(cancel), "-e", Path.Combine(_folder, "error")], networkNamespace: Near);
        bool ready = await Wait.UntilAsync(() => File.Exists(Path.Combine(_folder, "pid")) && _datagrams.Output.Contains("ready", StringComparison.Ordinal), TimeSpan.FromSeconds(10), cancel);
        if (!ready) throw new VsException(ExitCode.HostLacks, $"bench: the servers did not start: {_nginx.Errors}{_datagrams.Errors}");
    }

    private async Task<string> WriteNginxAsync(CancellationToken cancel)
    {
        await File.WriteAllBytesAsync(_folder + Small, new byte[SmallBytes], cancel);
        await File.WriteAllBytesAsync(_folder + Big, new byte[BigBytes], cancel);
        string configuration = Path.Combine(_folder, "nginx.conf");
        await File.WriteAllTextAsync(
            configuration,
            string.Create(CultureInfo.InvariantCulture, $$"""
            daemon off; user root; worker_processes 2; pid {{_folder}}/pid; error_log {{_folder}}/error;
            events { worker_connections 512; }
            http {
              access_log off; sendfile on; keepalive_requests 1000000000; keepalive_timeout 1h;
              client_body_temp_path {{_folder}}/t1; proxy_temp_path {{_folder}}/t2; fastcgi_temp_path {{_folder}}/t3; uwsgi_temp_path {{_folder}}/t4; scgi_temp_path {{_folder}}/t5;
              server { listen {{Near4}}:{{Port}}; listen {{Loopback}}:{{Port}}; root {{_folder}}; }
            }
            """),
            cancel);
        return configuration;
    }
}
