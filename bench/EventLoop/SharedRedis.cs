using System.Globalization;
using VirtualServices.Bench.Rows;
using VirtualServices.Cli.Demo;

namespace VirtualServices.Bench.EventLoop;

/// <summary>What two tenants ask of one Redis.</summary>
/// <param name="Request">One request.</param>
/// <param name="VictimRate">What the victim asks in a second.</param>
internal sealed record RedisLoad(string Request, int VictimRate)
{
    /// <summary>Connections of the tenant that asks as fast as it is answered.</summary>
    public int AggressorConnections { get; init; } = 50;

    /// <summary>Connections of the tenant that asks at a steady rate.</summary>
    public int VictimConnections { get; init; } = 2;

    /// <summary>Weight of the aggressor and of the victim.</summary>
    public (int Aggressor, int Victim) Weights { get; init; } = (100, 100);
}

/// <summary>Two tenants with a cgroup each, and a Redis in a third: one thread that works for both, which no cgroup can tell apart.</summary>
internal sealed class SharedRedis : IAsyncDisposable
{
    /// <summary>The tenants and the service, as the rules name them.</summary>
    public const string Aggressor = "tenant-a", Victim = "tenant-b", Service = "redis";

    private const int Loops = 1000;
    private static readonly TimeSpan WantedTime = TimeSpan.FromMilliseconds(0.4);

    private readonly string _program;
    private readonly MachineSpeed _speed = MachineSpeed.Start();

    private SharedRedis(DemoCgroups cgroups, RedisServer redis, string folder, string program) => (Cgroups, Redis, Folder, _program) = (cgroups, redis, folder, program);

    /// <summary>The tenants' cgroups.</summary>
    public DemoCgroups Cgroups { get; }

    /// <summary>The server.</summary>
    public RedisServer Redis { get; private set; }

    /// <summary>For what is left, gone with this.</summary>
    public string Folder { get; }

    /// <summary>The rule file.</summary>
    public string Rules => Path.Combine(Folder, "rules.yaml");

    /// <summary>Starts the server.</summary>
    public static async Task<SharedRedis> StartAsync(CancellationToken cancel)
    {
        string folder = Directory.CreateTempSubdirectory("vs-redis-").FullName;
        DemoCgroups? cgroups = null;
        try
        {
            string program = await CProgram.CompileAsync("turns", folder, cancel);
            cgroups = DemoCgroups.Create("virtual-services-demo");
            return new SharedRedis(cgroups, await RedisServer.StartAsync(cgroups.Folder(Service), cancel), folder, program);
        }
        catch
        {
            cgroups?.Dispose();
            Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    /// <summary>A request of about 0.4 ms on this machine, now.</summary>
    public async Task<string> SlowRequestAsync(CancellationToken cancel)
    {
        string script = await Redis.CommandAsync(cancel, "script", "load", "local x = 0 for i = 1, ARGV[1] do x = x + i end return 1");
        const int Tries = 21;
        List<double> times = [];
        for (int i = 0; i < Tries; i++)
        {
            await Redis.CommandAsync(cancel, "config", "resetstat");
            await Redis.CommandAsync(cancel, "evalsha", script, "0", Text(10 * Loops));
            string said = (await Redis.CommandAsync(cancel, "info", "commandstats")).Split('\n').First(line => line.StartsWith("cmdstat_evalsha:", StringComparison.Ordinal));
            times.Add(double.Parse(said.Split("usec=")[1].Split(',')[0], CultureInfo.InvariantCulture) / 10);
        }

        return $"EVALSHA {script} 0 {Text((int)(Loops * WantedTime.TotalMicroseconds / Measurement.Median(times)))}\r\n";
    }

    /// <summary>How many requests the server has processed.</summary>
    public async Task<long> RequestsAsync(CancellationToken cancel) =>
        long.Parse((await Redis.CommandAsync(cancel, "info", "stats")).Split('\n').First(line => line.StartsWith("total_commands_processed:", StringComparison.Ordinal)).Split(':')[1].Trim(), CultureInfo.InvariantCulture);

    /// <summary>Writes the approved rules.</summary>
    public async Task WriteRulesAsync((int Aggressor, int Victim) weights, CancellationToken cancel)
    {
        string port = Text(Redis.Port);
        await File.WriteAllTextAsync(
            Rules,
            $$"""
            version: 1
            virtualServices:
              - { name: {{Aggressor}}, cpu: { weight: {{Text(weights.Aggressor)}} }, frontDoors: [ { cgroup: {{Cgroups.PathOf(Aggressor)}} } ] }
              - { name: {{Victim}}, cpu: { weight: {{Text(weights.Victim)}} }, frontDoors: [ { cgroup: {{Cgroups.PathOf(Victim)}} } ] }
            services:
              - { name: {{Service}}, match: { listen: tcp/{{port}} } }
            gates:
              - { id: redis-receive, service: {{Service}}, on: receive, when: { listen: tcp/{{port}} }, classify: requester, binds: request, state: proposed }
            """,
            cancel);
        await VsChild.RunAsync(cancel, "approve", Rules, "--all", "--by", "test");
    }

    /// <summary>Kills the server and starts another one in its place.</summary>
    public async Task RestartAsync(CancellationToken cancel)
    {
        int port = Redis.Port;
        await Redis.KillAsync(cancel);
        await Redis.DisposeAsync();
        Redis = await RedisServer.StartAsync(Cgroups.Folder(Service), cancel, port);
    }

    /// <summary>A tenant's client; <paramref name="rate"/> null: as fast as it is answered.</summary>
    public TurnsLoad Load(string tenant, int connections, int? rate, int seconds, string request) =>
        TurnsLoad.Start(_program, Redis.Port, connections, rate, seconds, request, Cgroups.Folder(tenant));

    /// <summary>Measures the three arms over the same connections: the victim alone, both without rules, both with.</summary>
    public async Task<ThreeArms> CompareAsync(RedisLoad load, int rounds, TimeSpan window, TextWriter progress, CancellationToken cancel)
    {
        await WriteRulesAsync(load.Weights, cancel);
        int seconds = (int)ThreeArms.Longest(rounds, window).TotalSeconds;
        using TurnsLoad aggressor = Load(Aggressor, load.AggressorConnections, null, seconds, load.Request), victim = Load(Victim, load.VictimConnections, load.VictimRate, seconds, load.Request);
        return await ThreeArms.MeasureAsync(Rules, aggressor, victim, load.VictimRate, rounds, window, _speed, progress, cancel);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await Redis.DisposeAsync();
        }
        finally
        {
            _speed.Dispose();
            Directory.Delete(Folder, recursive: true);
            Cgroups.Dispose();
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
