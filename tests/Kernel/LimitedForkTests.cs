using System.Globalization;
using System.Net.Sockets;
using System.Text;
using VirtualServices.Enforce;
using VirtualServices.Model;

namespace VirtualServices.Kernel.Tests;

/// <summary>Real servers meet a limit and go on afterwards: PHP-FPM makes a process for each request that finds none idle, nginx a connection to what is behind it, and clients of Redis one each.</summary>
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
    public void Php_fpm_gets_the_errno_of_its_fork_and_goes_on()
    {
        StartFpm(requestsOfAChild: 0);
        using Enforcer enforcer = Start(new MemberLimits(1 + Pending - 1, null, LimitAction.Errno, "ENOMEM"), _fpm);
        TcpClient[] clients = [.. Busy(Pending - 1), Ask()];
        Wait.Until(() => Log().Contains("fork() failed: Cannot allocate memory (12)", StringComparison.Ordinal), "PHP-FPM is told the errno");
        Assert.Equal((long)Pending, UseOf(enforcer).Used);
        Assert.Equal(Pending - 1, ChildrenOfFpm().Length);
        GoesOn(enforcer, clients);
    }

    [RootFact]
    public void Php_fpm_waits_for_room_and_goes_on()
    {
        StartFpm(requestsOfAChild: 1);
        using Enforcer enforcer = Start(new MemberLimits(1 + Pending - 1, null, LimitAction.Block, "") { MaxWait = TimeSpan.FromSeconds(3) }, _fpm); // it makes a process for each that ends, and waits for those, too
        TcpClient[] clients = [.. Busy(Pending - 1), Ask()];
        Wait.Until(() => Forker.StateOf(_fpm) == 'T', "PHP-FPM is stopped as it makes the process that is too many");
        Assert.Equal((_fpm, "processes"), enforcer.Status().Waits.Select(wait => (wait.Pid, wait.What)).Single());
        Assert.Equal(((long)Pending, 1L), UseOf(enforcer));
        GoesOn(enforcer, clients, meetsItAgain: true);
    }

    [RootFact]
    public void A_process_of_php_fpm_that_is_too_many_works_for_best_effort()
    {
        StartFpm(requestsOfAChild: 0);
        using Enforcer enforcer = Start(new MemberLimits(1 + Pending - 1, null, LimitAction.BestEffort, ""), _fpm);
        TcpClient[] clients = Busy(Pending);
        Assert.Equal(Pending, ChildrenOfFpm().Length);
        Assert.Equal(((long)Pending, 1L), UseOf(enforcer));
        Assert.Equal(["bestEffort", .. Enumerable.Repeat("shop", Pending - 1)], enforcer.Status().Processes.Where(process => ChildrenOfFpm().Contains(process.Pid)).Select(process => process.VirtualService).Order(StringComparer.Ordinal));
        GoesOn(enforcer, clients);
    }

    [RootFact]
    public void Nginx_waits_for_a_socket_as_long_as_it_may_and_goes_on()
    {
        using TcpListener behind = new(System.Net.IPAddress.Loopback, 0);
        behind.Start();
        NginxServer nginx = Add(new NginxServer(_folder, string.Create(CultureInfo.InvariantCulture, $$"""
              server { listen 127.0.0.1:{{_port}}; location / { proxy_pass http://127.0.0.1:{{((System.Net.IPEndPoint)behind.LocalEndpoint).Port}}; } }
            """)));

        // Where it listens, and for each request the connection that it accepts and the one that it makes.
        using Enforcer enforcer = Start(new MemberLimits(null, 1 + 2 * Pending, LimitAction.Block, "") { MaxWait = TimeSpan.FromSeconds(1) }, nginx.Pid);
        TcpClient[] clients = [.. Enumerable.Range(0, Pending).Select(_ => Ask())];
        TcpClient[] asked = [.. clients.Select(_ => behind.AcceptTcpClient())];
        TcpClient beyond = Ask();
        Wait.Until(() => Forker.StateOf(nginx.Pid) == 'T', "nginx is stopped as it makes the connection that is too many");
        Assert.Equal((nginx.Pid, "sockets"), enforcer.Status().Waits.Select(wait => (wait.Pid, wait.What)).Single());

        // All sockets are its own, so none is closed meanwhile.
        Assert.StartsWith("HTTP/1.1 500 ", Answer(beyond), StringComparison.Ordinal);
        Assert.Contains("socket() failed (11: ", File.ReadAllText(Path.Combine(_folder, "error")), StringComparison.Ordinal);
        foreach (TcpClient one in asked) Reply(one);
        Assert.All(clients, client => Assert.StartsWith("HTTP/1.1 200 ", Answer(client), StringComparison.Ordinal));
        long hits = UseOf(enforcer).Hits;
        for (int i = 0; i < Pending + 1; i++)
        {
            TcpClient client = Ask();
            Reply(behind.AcceptTcpClient());
            Assert.StartsWith("HTTP/1.1 200 ", Answer(client), StringComparison.Ordinal);
        }

        Assert.Equal(hits, UseOf(enforcer).Hits);
    }

    [RootFact]
    public void A_client_of_redis_waits_for_a_socket_until_another_client_ends()
    {
        int redis = NginxServer.FreePort();
        using Shell server = new(), tenant = new();
        server.Fork($"redis-server --port {redis} --bind 127.0.0.1 --save '' --dir {_folder}");
        Wait.Until(() => { using TcpClient probe = new(); try { probe.Connect("127.0.0.1", redis); return true; } catch (SocketException) { return false; } }, "Redis listens");
        using Enforcer enforcer = Start(new MemberLimits(null, 2, LimitAction.Block, "") { MaxWait = TimeSpan.FromHours(1) }, tenant.Pid);
        int[] holders = [tenant.Fork($"redis-cli -p {redis} blpop nothing 0"), tenant.Fork($"redis-cli -p {redis} blpop nothing 0")];
        Wait.Until(() => UseOf(enforcer).Used == 2, "two clients are connected");
        string answer = Path.Combine(_folder, "answer");
        tenant.Fork($"sh -c 'exec redis-cli -p {redis} ping > {answer}'");
        Wait.Until(() => enforcer.Status().Waits.Count == 1, "the third client is stopped");
        Assert.Equal("", File.ReadAllText(answer));
        Forker.Signal(holders[0], "KILL");
        Wait.Until(() => File.ReadAllText(answer) == "PONG\n", "the third client is served");
        Assert.Empty(enforcer.Status().Waits);
        Assert.Equal(1, UseOf(enforcer).Hits);
    }

    // All who asked are answered, idle processes end, and the next ones meet no limit.
    private void GoesOn(Enforcer enforcer, TcpClient[] clients, bool meetsItAgain = false)
    {
        File.WriteAllText(Path.Combine(_folder, "go"), "");
        Assert.All(clients, client => Assert.StartsWith("HTTP/1.1 200 ", Answer(client), StringComparison.Ordinal));
        // And has reaped them: PHP-FPM takes one that has just ended for idle, and leaves the next request to it.
        Wait.Until(() => UseOf(enforcer).Used == 1 && ChildrenOfFpm().Length == 0, "only the process that makes the others is left");
        long hits = UseOf(enforcer).Hits;
        for (int i = 0; i < Pending; i++) Assert.StartsWith("HTTP/1.1 200 ", Answer(Ask()), StringComparison.Ordinal);
        if (!meetsItAgain) Assert.Equal(hits, UseOf(enforcer).Hits);
        Wait.Until(() => enforcer.Status().Waits.Count == 0, "nobody waits");
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

    private void StartFpm(int requestsOfAChild)
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
            pm.max_requests = {requestsOfAChild}

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

    private static void Reply(TcpClient asked)
    {
        using (asked) asked.GetStream().Write("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"u8);
    }

    private static string Answer(TcpClient client)
    {
        using (client) return new StreamReader(client.GetStream(), Encoding.ASCII).ReadToEnd();
    }

    // A shell is its parent: see Forker.
    private sealed class FpmServer : IDisposable
    {
        private readonly System.Diagnostics.Process _parent;

        public FpmServer(string configuration)
        {
            _parent = PostgresServer.Start("sh", "-c", "php-fpm8.2 -F -R -y \"$0\" & echo $!; wait $!", configuration);
            Pid = int.Parse(_parent.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture);
        }

        public int Pid { get; }

        // Its children end with it.
        public void Dispose()
        {
            Forker.Signal(Pid, "TERM");
            _parent.WaitForExit();
            _parent.Dispose();
        }
    }
}
