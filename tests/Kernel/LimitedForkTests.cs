using System.Globalization;
using System.Net.Sockets;
using System.Text;
using VirtualServices.Enforce;
using VirtualServices.Model;

namespace VirtualServices.Kernel.Tests;

/// <summary>A real server meets a limit of processes and goes on: PHP-FPM makes a process for each request that finds none idle.</summary>
[Collection(Enforcement.Name)]
public sealed class LimitedForkTests : IDisposable
{
    private const int Pending = 3;
    private readonly string _folder = Directory.CreateTempSubdirectory("vs-fpm-").FullName;
    private readonly List<IDisposable> _servers = [];
    private readonly int _port = NginxServer.FreePort();
    private int _fpm;

    public void Dispose()
    {
        EnforcementStop.Run(null);
        _servers.Reverse();
        foreach (IDisposable server in _servers) server.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [RootFact]
    public void A_process_of_php_fpm_that_is_too_many_works_for_best_effort()
    {
        StartFpm();
        using Enforcer enforcer = Start(new MemberLimits(Pending, null, LimitAction.BestEffort, ""), _fpm);
        TcpClient[] clients = Busy(Pending);
        Assert.Equal(Pending, ChildrenOfFpm().Length);
        Assert.Equal(((long)Pending, 1L), UseOf(enforcer)); // the master counts, too
        Assert.Equal(["bestEffort", .. Enumerable.Repeat("shop", Pending - 1)], enforcer.Status().Processes.Where(process => ChildrenOfFpm().Contains(process.Pid)).Select(process => process.VirtualService).Order(StringComparer.Ordinal));
        GoesOn(enforcer, clients);
    }

    // All who asked are answered, idle processes end, and the next ones meet no limit.
    private void GoesOn(Enforcer enforcer, TcpClient[] clients)
    {
        File.WriteAllText(Path.Combine(_folder, "go"), "");
        Assert.All(clients, client => Assert.StartsWith("HTTP/1.1 200 ", Answer(client), StringComparison.Ordinal));
        // And has reaped them: PHP-FPM takes one that has just ended for idle, and leaves the next request to it.
        Wait.Until(() => UseOf(enforcer).Used == 1 && ChildrenOfFpm().Length == 0, "only the process that makes the others is left");
        long hits = UseOf(enforcer).Hits;
        for (int i = 0; i < Pending; i++) Assert.StartsWith("HTTP/1.1 200 ", Answer(Ask()), StringComparison.Ordinal);
        Assert.Equal(hits, UseOf(enforcer).Hits);
    }

    // One after the other: PHP-FPM makes a process where it sees none idle, and one that was just made is.
    private TcpClient[] Busy(int count)
    {
        TcpClient[] clients = new TcpClient[count];
        for (int i = 0; i < count; i++)
        {
            clients[i] = Ask();
            Wait.Until(() => Directory.GetFiles(_folder, "busy-*").Length == i + 1, "the request is worked on");
        }

        return clients;
    }

    private void StartFpm()
    {
        int port = NginxServer.FreePort();
        File.WriteAllText(Path.Combine(_folder, "x.php"), $"<?php touch('{_folder}/busy-' . getmypid()); while (!file_exists('{_folder}/go')) {{ usleep(5000); clearstatcache(); }} echo 'ok';");
        File.WriteAllText(Path.Combine(_folder, "fpm.conf"), string.Create(CultureInfo.InvariantCulture, $"""
            [global]
            error_log = {_folder}/fpm.log
            daemonize = no
            [www]
            user = root
            group = root
            listen = 127.0.0.1:{port}
            pm = ondemand
            pm.max_children = 20
            pm.process_idle_timeout = 1s

            """));
        FpmServer fpm = Add(new FpmServer(Path.Combine(_folder, "fpm.conf")));
        _fpm = fpm.Pid;
        Wait.Until(() => Log().Contains("ready to handle connections", StringComparison.Ordinal), "PHP-FPM is ready");
        Add(new NginxServer(_folder, string.Create(CultureInfo.InvariantCulture, $$"""
              server { listen 127.0.0.1:{{_port}}; location / { fastcgi_pass 127.0.0.1:{{port}}; fastcgi_param SCRIPT_FILENAME {{_folder}}/x.php; fastcgi_param REQUEST_METHOD GET; } }
            """)));
    }

    private T Add<T>(T server)
        where T : IDisposable
    {
        _servers.Add(server);
        return server;
    }

    private string Log() => File.Exists(Path.Combine(_folder, "fpm.log")) ? File.ReadAllText(Path.Combine(_folder, "fpm.log")) : "";

    private int[] ChildrenOfFpm() => [.. File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{_fpm}/task/{_fpm}/children")).Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pid => int.Parse(pid, CultureInfo.InvariantCulture))];

    private static Enforcer Start(MemberLimits limits, int frontDoor)
    {
        VirtualService shop = TestRules.Tenant("shop", new Selector(SelectorKind.Pid, frontDoor.ToString(CultureInfo.InvariantCulture))) with { Limits = limits };
        return Enforcer.Start(new RuleSet([shop, TestRules.Tenant(VirtualService.BestEffort)], [], []), new EnforceOptions(), TestContext.Current.CancellationToken);
    }

    private static (long Used, long Hits) UseOf(Enforcer enforcer)
    {
        LimitUse use = Assert.Single(enforcer.Status().Limits);
        return (use.Used, use.Hits);
    }

    private TcpClient Ask()
    {
        TcpClient client = new("127.0.0.1", _port) { ReceiveTimeout = 10_000 };
        client.GetStream().Write("GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"u8);
        return client;
    }

    private static string Answer(TcpClient client)
    {
        using (client) return new StreamReader(client.GetStream(), Encoding.ASCII).ReadToEnd();
    }

    private sealed class FpmServer(string configuration) : IDisposable
    {
        private readonly System.Diagnostics.Process _process = PostgresServer.Start("php-fpm8.2", "-F", "-R", "-y", configuration);

        public int Pid => _process.Id;

        // Its children end with it.
        public void Dispose()
        {
            Forker.Signal(Pid, "TERM");
            _process.WaitForExit();
            _process.Dispose();
        }
    }
}
