using System.Globalization;
using VirtualServices.Bench.EventLoop;
using VirtualServices.Bench.Rows;
using VirtualServices.Cli.Demo;

namespace VirtualServices.Bench.OneAtATime;

/// <summary>Requests a second of both tenants in one arrangement.</summary>
/// <param name="A">Of the tenant with a fixed number of connections.</param>
/// <param name="B">Of the other.</param>
internal readonly record struct CgiRates(double A, double B)
{
    /// <summary>Of both.</summary>
    public double Sum => A + B;
}

/// <summary>What the arms of one comparison reached.</summary>
/// <param name="Without">One php-cgi, no rules.</param>
/// <param name="With">One php-cgi, virtual services of equal weight.</param>
/// <param name="Apart">A php-cgi for each tenant, on the same CPU.</param>
internal sealed record CgiArms(CgiRates Without, CgiRates With, CgiRates Apart);

/// <summary>Two tenants, each with an nginx of its own, and one php-cgi behind both: it serves one connection at a time in the order in which they came, so who has more connections gets more.</summary>
internal sealed class SharedCgi : IAsyncDisposable
{
    /// <summary>The tenants and the service, as the rules name them.</summary>
    public const string A = "tenant-a", B = "tenant-b", Service = "php";

    private const string Clients = "clients";
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(3);

    private readonly string _program;
    private readonly List<IAsyncDisposable> _servers = [];
    private CgiServer _cgi = null!;
    private NginxServer _a = null!, _b = null!;

    private SharedCgi(DemoCgroups cgroups, string folder, string program) => (Cgroups, Folder, _program) = (cgroups, folder, program);

    /// <summary>The tenants' cgroups.</summary>
    public DemoCgroups Cgroups { get; }

    /// <summary>For what is left, gone with this.</summary>
    public string Folder { get; }

    /// <summary>Port of the shared server.</summary>
    public int Port => _cgi.Port;

    /// <summary>Process id of the shared server.</summary>
    public int Pid => _cgi.Pid;

    /// <summary>The rule file.</summary>
    public string Rules => Path.Combine(Folder, "rules.yaml");

    /// <summary>Port of a tenant's nginx.</summary>
    public int FrontPort(string tenant) => (tenant == A ? _a : _b).Port;

    /// <summary>Starts the servers.</summary>
    public static async Task<SharedCgi> StartAsync(CancellationToken cancel)
    {
        string folder = Directory.CreateTempSubdirectory("vs-cgi-").FullName;
        SharedCgi shared = new(DemoCgroups.Create("virtual-services-demo"), folder, await CProgram.CompileAsync("turns", folder, cancel));
        try
        {
            shared._cgi = await shared.CgiAsync(Service, cancel);
            shared._a = await shared.FrontAsync(A, cancel);
            shared._b = await shared.FrontAsync(B, cancel);
            await shared.WriteRulesAsync(cancel);
            return shared;
        }
        catch
        {
            await shared.DisposeAsync();
            throw;
        }
    }

    /// <summary>A tenant's clients, over connections that stay: as many requests as are answered.</summary>
    /// <param name="tenant">Whose nginx they ask.</param>
    /// <param name="connections">How many.</param>
    /// <param name="own">True for the tenant's own php-cgi.</param>
    /// <param name="seconds">How long at most.</param>
    /// <param name="rate">Requests a second; null: as fast as they are answered.</param>
    public TurnsLoad Load(string tenant, int connections, bool own, int seconds, int? rate = null) =>
        TurnsLoad.Start(_program, FrontPort(tenant), connections, rate, seconds, $"GET /{(own ? "own" : "")} HTTP/1.1\r\nHost: {tenant}\r\n\r\n", Cgroups.Folder(Clients));

    /// <summary>Ends all but the shared server.</summary>
    public async Task StopFrontsAsync()
    {
        foreach (IAsyncDisposable server in _servers.Where(server => server != _cgi)) await server.DisposeAsync();
        _servers.RemoveAll(server => server != _cgi);
    }

    /// <summary>Measures the three arms.</summary>
    /// <param name="connections">Of either tenant.</param>
    /// <param name="window">Length of each.</param>
    /// <param name="cancel">Ends the wait.</param>
    public async Task<CgiArms> CompareAsync((int A, int B) connections, TimeSpan window, CancellationToken cancel)
    {
        CgiRates apart = await MeasureAsync(own: true), without = await MeasureAsync(own: false);
        await using Enforcer enforcer = await Enforcer.StartAsync(Rules, cancel);
        CgiRates with = await MeasureAsync(own: false);
        await enforcer.StopAsync(cancel);
        return new CgiArms(without, with, apart);

        async Task<CgiRates> MeasureAsync(bool own)
        {
            int seconds = 60 + (int)window.TotalSeconds;
            using TurnsLoad a = Load(A, connections.A, own, seconds), b = Load(B, connections.B, own, seconds);
            await Task.Delay(Settle, cancel);
            DateTime from = DateTime.UtcNow;
            await Task.Delay(window, cancel);
            DateTime to = DateTime.UtcNow;
            return new CgiRates(Rate(await a.StopAsync(cancel)), Rate(await b.StopAsync(cancel)));

            double Rate(IReadOnlyList<Transaction> all) => all.Count(one => one.End >= from && one.End < to) / (to - from).TotalSeconds;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (IAsyncDisposable server in Enumerable.Reverse(_servers)) await server.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
        Cgroups.Dispose();
    }

    private async Task<CgiServer> CgiAsync(string cgroup, CancellationToken cancel)
    {
        CgiServer server = await CgiServer.StartAsync(Folder, Cgroups.Folder(cgroup), cancel);
        _servers.Add(server);
        return server;
    }

    // A new connection to php-cgi for each request: under / to the shared one, under /own to the tenant's own.
    private async Task<NginxServer> FrontAsync(string tenant, CancellationToken cancel)
    {
        CgiServer own = await CgiAsync(tenant, cancel);
        NginxServer front = await NginxServer.StartAsync(
            Path.Combine(Folder, tenant),
            Cgroups.Folder(tenant),
            1,
            string.Create(CultureInfo.InvariantCulture, $$"""
            fastcgi_param SCRIPT_FILENAME {{_cgi.ScriptFile}}; fastcgi_param REQUEST_METHOD GET; fastcgi_param REDIRECT_STATUS 200;
            location / { fastcgi_pass 127.0.0.1:{{_cgi.Port}}; }
            location /own { fastcgi_pass 127.0.0.1:{{own.Port}}; }
            """),
            cancel);
        _servers.Add(front);
        return front;
    }

    private async Task WriteRulesAsync(CancellationToken cancel)
    {
        string port = Port.ToString(CultureInfo.InvariantCulture);
        await File.WriteAllTextAsync(
            Rules,
            $$"""
            version: 1
            virtualServices:
              - { name: {{A}}, frontDoors: [ { cgroup: {{Cgroups.PathOf(A)}} } ] }
              - { name: {{B}}, frontDoors: [ { cgroup: {{Cgroups.PathOf(B)}} } ] }
            services:
              - { name: {{Service}}, match: { listen: tcp/{{port}} } }
            gates:
              - { id: php-receive, service: {{Service}}, on: receive, when: { listen: tcp/{{port}} }, classify: requester, binds: request, state: proposed }
            """,
            cancel);
        await VsChild.RunAsync(cancel, "approve", Rules, "--all", "--by", "test");
    }
}
