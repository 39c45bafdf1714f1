namespace VirtualServices.Cli.Demo;

/// <summary>What all arms share: the server, the tenants' cgroups, the query, and one connection that watches.</summary>
internal sealed class Stage : IAsyncDisposable
{
    /// <summary>Tenant that asks as fast as it is answered.</summary>
    public const string Aggressor = "tenant-a";

    /// <summary>Tenant that asks at a steady rate.</summary>
    public const string Victim = "tenant-b";

    /// <summary>Name of the shared service.</summary>
    public const string Service = "postgres";

    // Among 24 + 4 connections of one cgroup the victim gets a seventh of the CPUs. On two, that is less than it needs, so that its queue grows,
    // and not much less, so that giving it its due takes little from the aggressor.
    public const int AggressorConnections = 24;
    public const int VictimConnections = 4;

    /// <summary>What the victim asks, per second.</summary>
    public const int TargetRate = 100;

    private const string Group = "virtual-services-demo";
    private static readonly TimeSpan QuietLimit = TimeSpan.FromSeconds(5);

    private Stage(DemoCgroups cgroups, PostgresServer server, Workload workload, SqlSession monitor)
    {
        Cgroups = cgroups;
        Server = server;
        Workload = workload;
        Monitor = monitor;
    }

    public DemoCgroups Cgroups { get; }

    public PostgresServer Server { get; }

    public Workload Workload { get; private set; }

    public SqlSession Monitor { get; }

    /// <summary>How fast the machine is, at all times.</summary>
    public MachineSpeed Speed { get; } = MachineSpeed.Start();

    /// <summary>Starts the server in its own cgroup and sizes the query.</summary>
    public static async Task<Stage> SetUpAsync(CancellationToken cancel)
    {
        string folder = Path.Combine(Path.GetTempPath(), $"virtual-services-postgres-{Guid.NewGuid():N}");
        DemoCgroups cgroups = DemoCgroups.Create(Group);
        PostgresServer? server = null;
        try
        {
            foreach (string tenant in (string[])[Aggressor, Victim]) cgroups.Folder(tenant);
            server = await PostgresServer.StartAsync(folder, cgroups.Folder(Service), [Aggressor, Victim], cancel);
            Workload workload = await Workload.PrepareAsync(server, [Aggressor, Victim], cancel);
            return new Stage(cgroups, server, workload, server.OpenSession());
        }
        catch
        {
            if (server is not null) await server.DisposeAsync();
            cgroups.Dispose();
            throw;
        }
    }

    /// <summary>Sizes the query anew; nobody may be asking.</summary>
    public async Task ResizeAsync(CancellationToken cancel) => Workload = await Workload.ResizeAsync(Monitor, cancel);

    /// <summary>Waits until no backend of a tenant works any more; the front ends must be halted.</summary>
    public async Task QuietAsync(CancellationToken cancel)
    {
        DateTime limit = DateTime.UtcNow + QuietLimit;
        while (true)
        {
            IReadOnlyList<string> active = await Monitor.QueryAsync(
                "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND state <> 'idle'", cancel);
            if (active[0] == "0") return;
            if (DateTime.UtcNow > limit)
                throw new Model.VsException(Model.ExitCode.HostLacks, $"demo: {active[0]} backends are still busy {QuietLimit.TotalSeconds} s after their front ends were halted");
            await Task.Delay(20, cancel);
        }
    }

    /// <summary>Waits until each of the tenants has a process in its cgroup.</summary>
    public async Task PresentAsync(IReadOnlyList<string> tenants, CancellationToken cancel)
    {
        if (!await Wait.UntilAsync(() => tenants.All(tenant => File.ReadAllText(Path.Combine(Cgroups.Folder(tenant), "cgroup.procs")).Length > 0), QuietLimit, cancel))
            throw new Model.VsException(Model.ExitCode.HostLacks, $"demo: the front ends of {string.Join(" and ", tenants)} did not start");
    }

    public async ValueTask DisposeAsync()
    {
        Speed.Dispose();
        await Monitor.DisposeAsync();
        await Server.DisposeAsync();
        Cgroups.Dispose();
    }
}
