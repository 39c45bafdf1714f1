using System.Globalization;
using VirtualServices.Bench.Network;
using VirtualServices.Cli.Demo;

namespace VirtualServices.Bench.Rows;

/// <summary>A PostgreSQL behind an nginx and a PHP-FPM for each tenant. A request is a query of about 3.5 ms.</summary>
/// <param name="fresh">A new connection to PostgreSQL for each; else each PHP process keeps one.</param>
internal sealed class ChainRow(bool fresh) : RowSite
{
    private readonly Dictionary<string, int> _ports = [];
    private PostgresServer _postgres = null!;

    /// <inheritdoc/>
    public override int VictimRate => 60;

    /// <inheritdoc/>
    public override IArmLoad Load(string tenant, int seconds) => AskFromElsewhere(_ports[tenant], new Question(false, "/", Connections(tenant), tenant == Victim ? VictimRate : null));

    /// <inheritdoc/>
    protected override async Task SetUpAsync(CancellationToken cancel)
    {
        _postgres = Keep(await PostgresServer.StartAsync($"{Folder}-postgres", Cgroups.Folder(Shared), [Aggressor, Victim], cancel));
        Workload workload = await Workload.PrepareAsync(_postgres, [Aggressor, Victim], cancel);
        foreach (string tenant in (string[])[Aggressor, Victim])
        {
            PhpPool pool = Keep(await PhpPool.StartAsync($"{Folder}-{tenant}", _postgres.Account, Cgroups.Folder(tenant), Connections(tenant), Script(tenant, workload.Rows), cancel));
            NginxServer front = Keep(await NginxServer.StartAsync(
                Path.Combine(Folder, tenant),
                Cgroups.Folder(tenant),
                1,
                string.Create(CultureInfo.InvariantCulture, $$"""location / { fastcgi_pass 127.0.0.1:{{pool.Port}}; fastcgi_param SCRIPT_FILENAME {{pool.ScriptFile}}; fastcgi_param REQUEST_METHOD GET; }"""),
                cancel));
            _ports[tenant] = front.Port;
        }
    }

    /// <inheritdoc/>
    protected override (string Services, string Gates) Governed() => (
        string.Create(CultureInfo.InvariantCulture, $$"""  - { name: postgres, match: { listen: tcp/{{_postgres.Port}} } }"""),
        string.Create(CultureInfo.InvariantCulture, $$"""  - { id: postgres-receive, service: postgres, on: receive, when: { listen: tcp/{{_postgres.Port}} }, classify: requester, binds: process, state: proposed }"""));

    private static int Connections(string tenant) => tenant == Victim ? 4 : 24;

    private string Script(string tenant, int rows) => string.Create(CultureInfo.InvariantCulture, $$"""
        <?php
        $db = {{(fresh ? "pg_connect" : "pg_pconnect")}}('host=127.0.0.1 port={{_postgres.Port}} user={{tenant}} dbname={{PostgresServer.Database}} sslmode=disable gssencmode=disable');
        $start = mt_rand(1, 200000 - {{rows}});
        $row = pg_fetch_row(pg_query($db, "SELECT count(*), sum(hashtext(payload)::bigint) FROM work WHERE id BETWEEN $start AND $start + {{rows}}"));
        header('Content-Length: 3');
        echo $row[0] > 0 ? "ok\n" : "no\n";
        """);
}
