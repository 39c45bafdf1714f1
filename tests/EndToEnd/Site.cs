using System.Globalization;
using VirtualServices.Cli.Demo;

namespace VirtualServices.EndToEnd;

/// <summary>A shared PostgreSQL with two tenants, and a folder for what a test leaves.</summary>
internal sealed class Site : IAsyncDisposable
{
    private Site(Stage stage, string folder)
    {
        Stage = stage;
        Folder = folder;
    }

    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public Stage Stage { get; }

    public string Folder { get; }

    public string Session => Path.Combine(Folder, "session");

    public string Rules => Path.Combine(Folder, "rules.yaml");

    public static async Task<Site> StartAsync() => new(await Stage.SetUpAsync(Cancel), Directory.CreateTempSubdirectory("vs-end-to-end-").FullName);

    /// <summary>Starts a front end of a tenant: closed loop, two connections.</summary>
    public PgBench Load(string tenant, int seconds, string host = "127.0.0.1") => Load(new TenantLoad(tenant, 2, null, 1), seconds, host);

    /// <summary>Starts a front end.</summary>
    public PgBench Load(TenantLoad load, int seconds, string host = "127.0.0.1") =>
        PgBench.Start(Stage.Server, Stage.Workload, load, Stage.Cgroups.Folder(load.Role), seconds, host);

    /// <summary>The listening address behind a host that pgbench connects to.</summary>
    public string Listen(string host) => host.StartsWith('/')
        ? $"listen:unix/{Stage.Server.SocketPath}"
        : $"listen:tcp/{Stage.Server.Port.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>Starts recording both tenants and the server, and waits until the session is there.</summary>
    public async Task<Child> StartRecordingAsync(string host, string duration, string level = "syscalls")
    {
        await Stage.PresentAsync([Stage.Aggressor, Stage.Victim], Cancel);
        Child recorder = VsChild.Start(
        [
            "record", "-o", Session, "--duration", duration, "--level", level,
            "--service", $"{Stage.Aggressor}=cgroup:{Stage.Cgroups.PathOf(Stage.Aggressor)}",
            "--service", $"{Stage.Victim}=cgroup:{Stage.Cgroups.PathOf(Stage.Victim)}",
            "--service", $"{Stage.Service}={Listen(host)}",
        ]);
        bool began = await Wait.UntilAsync(() => recorder.HasExited || File.Exists(Path.Combine(Session, "session.json")), TimeSpan.FromSeconds(20), Cancel);
        Assert.True(began && !recorder.HasExited, recorder.Errors);
        return recorder;
    }

    /// <summary>Records both tenants over one transport and leaves an approved rule file.</summary>
    public async Task RecordAndApproveAsync(string host)
    {
        await RecordAndInferAsync(host, "syscalls");
        await VsChild.RunAsync(Cancel, "approve", Rules, "--all", "--by", "test");
        await VsChild.RunAsync(Cancel, "check", Rules);
    }

    /// <summary>Leaves the rule file that such a recording leads to without one: for tests of what comes after.</summary>
    public async Task WriteAndApproveAsync()
    {
        int port = Stage.Server.Port;
        await File.WriteAllTextAsync(
            Rules,
            string.Create(CultureInfo.InvariantCulture, $$"""
            version: 1
            virtualServices:
              - { name: {{Stage.Aggressor}}, frontDoors: [ { cgroup: {{Stage.Cgroups.PathOf(Stage.Aggressor)}} } ] }
              - { name: {{Stage.Victim}}, frontDoors: [ { cgroup: {{Stage.Cgroups.PathOf(Stage.Victim)}} } ] }
            services:
              - { name: {{Stage.Service}}, match: { listen: tcp/127.0.0.1:{{port}} } }
            gates:
              - { id: {{Stage.Service}}-receive, service: {{Stage.Service}}, on: receive, when: { listen: tcp/{{port}} }, classify: requester, binds: process, state: proposed }

            """),
            Cancel);
        await VsChild.RunAsync(Cancel, "approve", Rules, "--all", "--by", "test");
    }

    /// <summary>Records both tenants over one transport, connections that are there before among theirs, and leaves a rule file with proposals.</summary>
    public async Task RecordAndInferAsync(string host, string level)
    {
        using PgBench early = Load(Stage.Aggressor, 5, host);
        using PgBench otherEarly = Load(Stage.Victim, 5, host);
        using (Child recorder = await StartRecordingAsync(host, "5s", level))
        {
            using PgBench one = Load(Stage.Aggressor, 3, host);
            using PgBench other = Load(Stage.Victim, 3, host);
            await one.FinishAsync(Cancel);
            await other.FinishAsync(Cancel);
            Assert.True(await recorder.WaitAsync(Cancel) == 0, recorder.Errors);
        }

        await VsChild.RunAsync(Cancel, "infer", Session, "-o", Rules);
    }

    /// <summary>Waits until so many connections of the tenants are up.</summary>
    public async Task ConnectedAsync(ChargeAudit audit, int connections)
    {
        for (int i = 0; i < 200; i++)
        {
            if ((await audit.SampleAsync(Stage.Monitor, Cancel)).Values.Sum() >= connections) return;
            await Task.Delay(50, Cancel);
        }

        Assert.Fail($"{connections} connections did not come up within 10 s");
    }

    /// <summary>Halts the front ends, compares what was charged with what PostgreSQL and the kernel say, lets them go on.</summary>
    /// <returns>Part of the tenants' CPU time charged to the right virtual service.</returns>
    public async Task<double> ChargedRightAsync(ChargeAudit audit, params PgBench[] loads)
    {
        foreach (PgBench load in loads) load.Pause();
        await Stage.QuietAsync(Cancel);
        await audit.SampleAsync(Stage.Monitor, Cancel);
        audit.End(await Enforcer.StatusAsync(Cancel));
        foreach (PgBench load in loads) load.Resume();
        return audit.ChargedRight;
    }

    public async ValueTask DisposeAsync()
    {
        await Stage.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }
}
