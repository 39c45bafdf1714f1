using VirtualServices.Cli.Demo;
using VirtualServices.Traces.Load;
using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Making;

/// <summary>Unbound, a resolver that asks a name server for every name: datagrams on both sides. Each request asks for a name of its own, and the name server says from which port it was asked for which name.</summary>
internal static class DnsTrace
{
    /// <summary>Makes it.</summary>
    public static async Task MakeAsync(TraceRun run, CancellationToken cancel)
    {
        using NameServer names = new();
        string configuration = Path.Combine(run.Folder, "unbound.conf");
        await using Server resolver = await Server.StartAsync(
            port =>
            {
                File.WriteAllText(
                    configuration,
                    $"""
                    server:
                      interface: 127.0.0.1
                      port: {port}
                      do-daemonize: no
                      chroot: ""
                      username: ""
                      pidfile: ""
                      directory: "{run.Folder}"
                      use-syslog: no
                      num-threads: 1
                      module-config: "iterator"
                      do-not-query-localhost: no
                      local-zone: "test." nodefault
                    remote-control:
                      control-enable: no
                    forward-zone:
                      name: "."
                      forward-addr: 127.0.0.1@{names.Port}
                    """);
                return [Tools.Find("unbound", "unbound"), "-d", "-c", configuration];
            },
            run.Cgroups.Folder("unbound"),
            cancel);
        LoadPlan plan = new("dns", "unbound", "127.0.0.1", resolver.Port, TraceRun.One, "", Connections: 6, Early: 0, Requests: 80, PauseMs: 8, Work: 1, Fresh: false, Seed: 9);
        using LoadProcess one = await run.LoadAsync(plan, cancel);
        using LoadProcess other = await run.LoadAsync(plan with { Tenant = TraceRun.Other, Connections = 3, PauseMs = 15, Seed = 10 }, cancel);
        await run.RecordAsync(
            [.. run.Selector(TraceRun.One), .. run.Selector(TraceRun.Other), .. run.Selector("unbound")],
            [one, other],
            () =>
            {
                run.Truth.AddRange(names.Hops(run.Requests).Select(hop => new TruthLine(hop)));
                return [];
            },
            cancel);
    }
}
