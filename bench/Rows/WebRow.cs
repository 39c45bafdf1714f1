using System.Globalization;
using System.Runtime.InteropServices;
using VirtualServices.Bench.Network;
using VirtualServices.Bench.OneAtATime;
using VirtualServices.Cli.Demo;
using VirtualServices.Model;

namespace VirtualServices.Bench.Rows;

/// <summary>
/// An ASP.NET Core service that both tenants use: a pool of threads, and requests that go on on any of them. It asks a second one and then PostgreSQL, by Npgsql and its pool of connections; all three compute.
/// The programs are those of <c>tests/programs</c>.
/// </summary>
internal sealed class WebRow : RowSite
{
    private const string Role = "shop";
    private const int Work = 3000;
    private PostgresServer _postgres = null!;
    private int _shop, _stock;

    /// <inheritdoc/>
    public override int VictimRate => 50;

    /// <inheritdoc/>
    public override IArmLoad Load(string tenant, int seconds) => Ask(tenant, _shop, new Question(false, string.Create(CultureInfo.InvariantCulture, $"/buy?id=0&work={Work}"), tenant == Victim ? 4 : 24, tenant == Victim ? VictimRate : null));

    /// <inheritdoc/>
    protected override async Task SetUpAsync(CancellationToken cancel)
    {
        _postgres = Keep(await PostgresServer.StartAsync($"{Folder}-postgres", Cgroups.Folder(Shared), [Role], cancel, settings: ["fsync=off"]));
        await using (SqlSession sql = _postgres.OpenSession())
            await sql.QueryAsync($"CREATE TABLE purchases (number serial, id int, backend int); GRANT INSERT ON purchases TO {Role}; GRANT USAGE ON purchases_number_seq TO {Role}", cancel);
        _stock = await LaunchAsync("WebStock", cancel, "/dev/null");
        _shop = await LaunchAsync("WebShop", cancel, Text(_stock), $"Host=127.0.0.1;Port={Text(_postgres.Port)};Username={Role};Database={PostgresServer.Database}", "/dev/null");
    }

    /// <inheritdoc/>
    protected override (string Services, string Gates) Governed() => (
        $$"""
          - { name: shop, match: { listen: tcp/{{Text(_shop)}} } }
          - { name: stock, match: { listen: tcp/{{Text(_stock)}} } }
          - { name: postgres, match: { listen: tcp/{{Text(_postgres.Port)}} } }
        """,
        $$"""  - { id: shop-receive, service: shop, on: receive, when: { listen: tcp/{{Text(_shop)}} }, classify: requester, binds: request, state: proposed }""");

    private async Task<int> LaunchAsync(string program, CancellationToken cancel, params string[] arguments)
    {
        int port = Ports.Free();
        string here = AppContext.BaseDirectory.TrimEnd('/'), library = Path.GetFullPath(Path.Combine(here, "../..", program, Path.GetFileName(here), $"VirtualServices.{program}.dll"));
        if (!File.Exists(library)) throw new VsException(ExitCode.HostLacks, $"{library} is missing: dotnet build tests/programs/{program} -c Release");
        ServerChild server = Keep(new ServerChild(Child.Start([Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../../dotnet")), library, Text(port), .. arguments], cgroup: Cgroups.Folder(Shared))));
        return await Ports.AnswersAsync(port, () => server.HasExited, cancel) ? port : throw new VsException(ExitCode.HostLacks, $"{program} did not start: {server.Errors}");
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
