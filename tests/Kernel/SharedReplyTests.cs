using System.Diagnostics;
using System.Globalization;
using VirtualServices.Enforce;
using VirtualServices.Model;

namespace VirtualServices.Kernel.Tests;

/// <summary>A shared nginx inside a namespace of our own, asked over its loopback device: what it sends counts for whoever asked.</summary>
[Collection(Enforcement.Name)]
public sealed class SharedReplyTests : IDisposable
{
    private const int FileBytes = 8_000_000, Port = 8099;

    private readonly TestNetwork _network = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("vs-nginx-").FullName;
    private readonly Process _nginx, _acme, _other;

    public SharedReplyTests()
    {
        File.WriteAllBytes(Path.Combine(_folder, "big"), new byte[FileBytes]);
        File.WriteAllText(Path.Combine(_folder, "nginx.conf"), $$"""
            daemon off; master_process off; pid {{_folder}}/pid; error_log {{_folder}}/error;
            events { worker_connections 64; }
            http { access_log off; client_body_temp_path {{_folder}}/t1; proxy_temp_path {{_folder}}/t2; fastcgi_temp_path {{_folder}}/t3; uwsgi_temp_path {{_folder}}/t4; scgi_temp_path {{_folder}}/t5;
              server { listen 127.0.0.1:{{Port}}; listen [::1]:{{Port}}; root {{_folder}}; } }
            """);
        _nginx = PostgresServer.Start("ip", "netns", "exec", _network.Near, "nginx", "-c", Path.Combine(_folder, "nginx.conf"), "-e", Path.Combine(_folder, "error"));
        (_acme, _other) = (_network.Shell(), _network.Shell());
        Wait.Until(() => File.Exists(Path.Combine(_folder, "pid")), "nginx runs");
    }

    public void Dispose()
    {
        EnforcementStop.Run(null);
        foreach (Process one in (Process[])[_nginx, _acme, _other])
        {
            one.Kill(entireProcessTree: true);
            one.WaitForExit();
            one.Dispose();
        }

        _network.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [RootTheory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void Replies_of_a_shared_event_loop_count_for_whoever_asked(string address)
    {
        Assert.Equal("done", Ask(_other, address)); // before anything is enforced: both are there
        RuleSet rules = new(
            [Tenant("acme", _acme), Tenant("other", _other), TestRules.Tenant(VirtualService.BestEffort)],
            [new Service("nginx", [new Selector(SelectorKind.Pid, _nginx.Id.ToString(CultureInfo.InvariantCulture))])],
            [new Gate("nginx-receive", "nginx", GateCall.Receive, new GateCondition(null, null), new Classification(ClassificationKind.Keep), BindScope.Process, GateState.Approved, null, GateReview.None)])
        {
            Devices = [new GovernedDevice("lo", _network.Near, 2_000_000_000)],
        };
        using Enforcer enforcer = Enforcer.Start(rules, new EnforceOptions(), TestContext.Current.CancellationToken);
        Assert.Equal("done", Ask(_acme, address));
        Assert.InRange(Sent(enforcer, "acme"), FileBytes, FileBytes * 1.05);
        Assert.InRange(Sent(enforcer, "other"), 0, 0);
        Assert.Equal("done", Ask(_other, address));
        Assert.InRange(Sent(enforcer, "other"), FileBytes, FileBytes * 1.05);
        Assert.InRange(Sent(enforcer, ""), 0, FileBytes / 100);
    }

    private static long Sent(Enforcer enforcer, string name) => enforcer.Status().Network.SingleOrDefault(total => total.VirtualService == name)?.Bytes ?? 0;

    private static VirtualService Tenant(string name, Process door) => TestRules.Tenant(name, new Selector(SelectorKind.Pid, door.Id.ToString(CultureInfo.InvariantCulture)));

    private static string? Ask(Process shell, string address)
    {
        shell.StandardInput.WriteLine(string.Create(CultureInfo.InvariantCulture, $"exec 3<>/dev/tcp/{address}/{Port}; printf 'GET /big HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3 >/dev/null; exec 3>&-; echo done"));
        return shell.StandardOutput.ReadLine();
    }
}
