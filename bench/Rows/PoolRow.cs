using System.Globalization;
using VirtualServices.Bench.OneAtATime;
using VirtualServices.Cli.Demo;
using VirtualServices.Model;

namespace VirtualServices.Bench.Rows;

/// <summary>A PgBouncer in transaction mode before a PostgreSQL: an event loop, and connections behind it that both tenants take turns on. A request is a query of about 3.5 ms.</summary>
/// <param name="connections">To PostgreSQL, for all.</param>
internal sealed class PoolRow(int connections) : RowSite
{
    private const int AggressorConnections = 24, VictimConnections = 4;
    private PostgresServer _postgres = null!;
    private Workload _workload = null!;
    private int _port;

    /// <inheritdoc/>
    public override int VictimRate => 100;

    /// <inheritdoc/>
    public override IArmLoad Load(string tenant, int seconds) => new PgBenchLoad(PgBench.Start(
        _postgres,
        _workload,
        tenant == Victim ? new TenantLoad(tenant, VictimConnections, VictimRate, 1) : new TenantLoad(tenant, AggressorConnections, null, 2),
        Cgroups.Folder(tenant),
        seconds,
        port: _port));

    /// <inheritdoc/>
    protected override async Task SetUpAsync(CancellationToken cancel)
    {
        _postgres = Keep(await PostgresServer.StartAsync($"{Folder}-postgres", Cgroups.Folder(Shared), [Aggressor], cancel));
        _workload = await Workload.PrepareAsync(_postgres, [Aggressor], cancel);
        _port = Ports.Free();
        string configuration = Path.Combine(_postgres.Folder, "pgbouncer.ini");
        await File.WriteAllTextAsync(
            configuration,
            string.Create(CultureInfo.InvariantCulture, $"""
            [databases]
            {PostgresServer.Database} = host=127.0.0.1 port={_postgres.Port} dbname={PostgresServer.Database} user={Aggressor}
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {_port}
            unix_socket_dir =
            auth_type = any
            pool_mode = transaction
            default_pool_size = {connections}
            """),
            cancel);
        ServerChild pool = Keep(new ServerChild(Child.Start([Tools.Find("pgbouncer", "pgbouncer"), "-q", configuration], _postgres.Account, Cgroups.Folder(Shared))));
        if (!await Ports.AnswersAsync(_port, () => pool.HasExited, cancel)) throw new VsException(ExitCode.HostLacks, $"pgbouncer did not start: {pool.Errors}");
    }

    /// <inheritdoc/>
    protected override (string Services, string Gates) Governed() => (
        string.Create(CultureInfo.InvariantCulture, $$"""
          - { name: pgbouncer, match: { listen: tcp/{{_port}} } }
          - { name: postgres, match: { listen: tcp/{{_postgres.Port}} } }
        """),
        string.Create(CultureInfo.InvariantCulture, $$"""
          - { id: pgbouncer-receive, service: pgbouncer, on: receive, when: { listen: tcp/{{_port}} }, classify: requester, binds: request, state: proposed }
          - { id: postgres-receive, service: postgres, on: receive, when: { listen: tcp/{{_postgres.Port}} }, classify: requester, binds: process, state: proposed }
        """));
}
