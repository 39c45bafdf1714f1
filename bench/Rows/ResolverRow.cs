using System.Globalization;
using VirtualServices.Bench.Network;
using VirtualServices.Bench.OneAtATime;
using VirtualServices.Cli.Demo;
using VirtualServices.Model;

namespace VirtualServices.Bench.Rows;

/// <summary>An Unbound of one thread that answers both tenants over UDP, from one socket. The name that they ask for has many addresses, so that an answer costs CPU time.</summary>
internal sealed class ResolverRow : RowSite
{
    private const string Name = "many.test";
    private const int Addresses = 200;
    private int _port;

    /// <inheritdoc/>
    public override int VictimRate => 200;

    /// <inheritdoc/>
    public override IArmLoad Load(string tenant, int seconds) => Ask(tenant, _port, new Question(true, Name, tenant == Victim ? 4 : 200, tenant == Victim ? VictimRate : null) { Protocol = "dns" });

    /// <inheritdoc/>
    protected override async Task SetUpAsync(CancellationToken cancel)
    {
        _port = Ports.Free();
        string configuration = Path.Combine(Folder, "unbound.conf");
        await File.WriteAllTextAsync(
            configuration,
            string.Create(CultureInfo.InvariantCulture, $"""
            server:
              interface: 127.0.0.1
              port: {_port}
              do-daemonize: no
              chroot: ""
              username: ""
              pidfile: ""
              directory: "{Folder}"
              use-syslog: no
              num-threads: 1
              module-config: "iterator"
              local-zone: "test." static
            {string.Join('\n', Enumerable.Range(0, Addresses).Select(i => $"  local-data: \"{Name}. A 10.0.{i / 250}.{i % 250 + 1}\""))}
            remote-control:
              control-enable: no
            """),
            cancel);
        ServerChild resolver = Keep(new ServerChild(Child.Start([Tools.Find("unbound", "unbound"), "-d", "-c", configuration], cgroup: Cgroups.Folder(Shared))));
        if (!await Ports.AnswersAsync(_port, () => resolver.HasExited, cancel)) throw new VsException(ExitCode.HostLacks, $"unbound did not start: {resolver.Errors}");
    }

    /// <inheritdoc/>
    protected override (string Services, string Gates) Governed() => (
        string.Create(CultureInfo.InvariantCulture, $$"""  - { name: resolver, match: { listen: udp/{{_port}} } }"""),
        string.Create(CultureInfo.InvariantCulture, $$"""  - { id: resolver-receive, service: resolver, on: receive, when: { listen: udp/{{_port}} }, classify: requester, binds: request, state: proposed }"""));
}
