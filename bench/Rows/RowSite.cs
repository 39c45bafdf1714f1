using VirtualServices.Bench.Network;
using VirtualServices.Cli.Demo;

namespace VirtualServices.Bench.Rows;

/// <summary>A shared service on loopback with two tenants of equal weight, one that asks at a steady rate and one that asks as fast as it is answered: a row of the proof.</summary>
internal abstract class RowSite : IAsyncDisposable
{
    /// <summary>The tenants, as the rules name them.</summary>
    public const string Aggressor = "tenant-a", Victim = "tenant-b";

    /// <summary>Cgroup of the shared service.</summary>
    protected const string Shared = "shared";

    private readonly List<IAsyncDisposable> _servers = [];
    private readonly MachineSpeed _speed = MachineSpeed.Start();
    private string _ask = "";

    /// <summary>The tenants' cgroups.</summary>
    public DemoCgroups Cgroups { get; } = DemoCgroups.Create("virtual-services-demo");

    /// <summary>For what is left, gone with this.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("vs-row-").FullName;

    /// <summary>The rule file.</summary>
    public string Rules => Path.Combine(Folder, "rules.yaml");

    /// <summary>What the steady tenant asks, per second.</summary>
    public abstract int VictimRate { get; }

    /// <summary>What a tenant asks.</summary>
    /// <param name="tenant">Who.</param>
    /// <param name="seconds">For how long at most.</param>
    public abstract IArmLoad Load(string tenant, int seconds);

    /// <summary>Starts the servers of a row, and writes its rules.</summary>
    /// <returns>The same.</returns>
    public static async Task<T> StartAsync<T>(T row, CancellationToken cancel)
        where T : RowSite
    {
        try
        {
            row._ask = await CProgram.CompileAsync("ask", row.Folder, cancel);
            foreach (string tenant in (string[])[Aggressor, Victim]) row.Cgroups.Folder(tenant);
            await row.SetUpAsync(cancel);
            await row.WriteRulesAsync(cancel);
            return row;
        }
        catch
        {
            await row.DisposeAsync();
            throw;
        }
    }

    /// <summary>Measures the three arms.</summary>
    public async Task<ThreeArms> CompareAsync(int rounds, TimeSpan window, TextWriter progress, CancellationToken cancel)
    {
        int seconds = (int)ThreeArms.Longest(rounds, window).TotalSeconds;
        using IArmLoad aggressor = Load(Aggressor, seconds), victim = Load(Victim, seconds);
        return await ThreeArms.MeasureAsync(Rules, aggressor, victim, VictimRate, rounds, window, _speed, progress, cancel);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (IAsyncDisposable server in Enumerable.Reverse(_servers)) await server.DisposeAsync();
        _speed.Dispose();
        Directory.Delete(Folder, recursive: true);
        Cgroups.Dispose();
    }

    /// <summary>Starts the servers.</summary>
    protected abstract Task SetUpAsync(CancellationToken cancel);

    /// <summary>Services of the rules, and their gates: lines of the rule file.</summary>
    protected abstract (string Services, string Gates) Governed();

    /// <summary>Keeps a server until the end.</summary>
    /// <returns>The same.</returns>
    protected T Keep<T>(T server)
        where T : IAsyncDisposable
    {
        _servers.Add(server);
        return server;
    }

    /// <summary>Starts a client that is a tenant's process.</summary>
    protected AskLoad Ask(string tenant, int port, Question question) => AskLoad.Start(_ask, null, Cgroups.Folder(tenant), ("127.0.0.1", port), "127.0.0.1", question);

    /// <summary>Starts a client that is no tenant's process: it stands for other machines.</summary>
    protected AskLoad AskFromElsewhere(int port, Question question) => AskLoad.Start(_ask, null, null, ("127.0.0.1", port), "127.0.0.1", question, elsewhere: true);

    private async Task WriteRulesAsync(CancellationToken cancel)
    {
        (string services, string gates) = Governed();
        await File.WriteAllTextAsync(
            Rules,
            $$"""
            version: 1
            virtualServices:
              - { name: {{Aggressor}}, frontDoors: [ { cgroup: {{Cgroups.PathOf(Aggressor)}} } ] }
              - { name: {{Victim}}, frontDoors: [ { cgroup: {{Cgroups.PathOf(Victim)}} } ] }
            services:
            {{services}}
            gates:
            {{gates}}
            """,
            cancel);
        await VsChild.RunAsync(cancel, "approve", Rules, "--all", "--by", "test");
    }
}
