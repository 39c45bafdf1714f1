using System.Globalization;
using VirtualServices.Bench.EventLoop;
using VirtualServices.Cli.Demo;
using VirtualServices.Enforce;

namespace VirtualServices.EndToEnd;

/// <summary>The enforcer is killed again and again while real servers serve real clients.</summary>
public sealed class KillTests
{
    private const int Kills = 20;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Twenty_kills_under_load_lose_no_connection_and_leave_nobody_unclassified()
    {
        Requirements.SkipUnlessMet();
        await using Site site = await Site.StartAsync();
        await using RedisServer redis = await RedisServer.StartAsync(site.Stage.Cgroups.Folder("redis"), Site.Cancel);
        await WriteRulesAsync(site, redis);
        Random random = new(1);
        List<PgBench> queries = [];
        List<Child> gets = [];
        Child enforcer = await StartAsync(site, 1);
        try
        {
            // Connections that stay and connections that come and go, to a server with a process for each and to one with an event loop.
            foreach (string tenant in (string[])[Stage.Aggressor, Stage.Victim])
            {
                queries.Add(site.Load(new TenantLoad(tenant, 1, 50, 1), 600));
                queries.Add(site.Load(new TenantLoad(tenant, 1, 20, 2, Reconnects: true), 600));
                gets.Add(redis.Load(site.Stage.Cgroups.Folder(tenant), reconnects: tenant == Stage.Victim));
            }

            for (int i = 1; i <= Kills; i++)
            {
                await Task.Delay(random.Next(100), Site.Cancel);
                enforcer.Signal(Child.Kill);
                await enforcer.WaitAsync(Site.Cancel);
                enforcer.Dispose();
                EnforcementStatus dead = Status(EnforcerState.Dead, i);
                Assert.True(await Wait.UntilAsync(() => Status(EnforcerState.Dead, i).Gates.Zip(dead.Gates).All(gate => gate.First.Hits > gate.Second.Hits + 1), Patience, Site.Cancel), "a gate let nobody pass while the enforcer was dead");
                enforcer = await StartAsync(site, i + 1);
                Assert.All(Status(EnforcerState.Running, i + 1).Gates, gate => Assert.Equal(0, gate.Unknown));
                Assert.All(queries, load => Assert.False(load.HasExited || load.Errors.Contains("error:", StringComparison.Ordinal), load.Errors));
                Assert.All(gets, load => Assert.False(load.HasExited, load.Errors));
            }

            Assert.False(redis.HasExited);
            Assert.NotNull(Procfs.CommandOf(site.Stage.Server.Pid));
            await enforcer.EndAsync(Child.Terminate, Patience);
            Assert.Equal(0, await enforcer.WaitAsync(Site.Cancel));
        }
        finally
        {
            await enforcer.EndAsync(Child.Terminate, Patience);
            enforcer.Dispose();
            EnforcementStop.Run(null);
            foreach (PgBench load in queries) await load.EndAsync();
            foreach (Child load in gets) await load.EndAsync(Child.Terminate, Patience);
            foreach (IDisposable load in (IEnumerable<IDisposable>)[.. queries, .. gets]) load.Dispose();
        }
    }

    // Reads the kernel from this process: a command for each look would take longer than what is looked at.
    private static EnforcementStatus Status(EnforcerState state, int generation)
    {
        EnforcementStatus status = StatusReader.Read();
        Assert.Equal((state, generation), (status.Enforcer, (int)status.Generation));
        return status;
    }

    private static async Task<Child> StartAsync(Site site, int generation)
    {
        Child enforcer = VsChild.Start(["enforce", site.Rules]);
        bool runs = await Wait.UntilAsync(() => enforcer.HasExited || StatusReader.Read() is { Enforcer: EnforcerState.Running } status && status.EnforcerPid == enforcer.Pid && status.Generation == generation, Patience, Site.Cancel);
        Assert.True(runs && !enforcer.HasExited, enforcer.Errors + enforcer.Output);
        return enforcer;
    }

    private static async Task WriteRulesAsync(Site site, RedisServer redis)
    {
        string postgres = site.Stage.Server.Port.ToString(CultureInfo.InvariantCulture), redisPort = redis.Port.ToString(CultureInfo.InvariantCulture);
        await File.WriteAllTextAsync(
            site.Rules,
            $$"""
            version: 1
            virtualServices:
              - { name: {{Stage.Aggressor}}, frontDoors: [ { cgroup: {{site.Stage.Cgroups.PathOf(Stage.Aggressor)}} } ] }
              - { name: {{Stage.Victim}}, frontDoors: [ { cgroup: {{site.Stage.Cgroups.PathOf(Stage.Victim)}} } ] }
            services:
              - { name: postgres, match: { listen: tcp/{{postgres}} } }
              - { name: redis, match: { listen: tcp/{{redisPort}} } }
            gates:
              - { id: postgres-receive, service: postgres, on: receive, when: { listen: tcp/{{postgres}} }, classify: requester, binds: process, state: proposed }
              - { id: redis-accept, service: redis, on: accept, when: { listen: tcp/{{redisPort}} }, classify: requester, binds: connection, state: proposed }
            """,
            Site.Cancel);
        await VsChild.RunAsync(Site.Cancel, "approve", site.Rules, "--all", "--by", "test");
    }
}
