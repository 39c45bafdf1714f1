using System.Text.Json;
using VirtualServices.Cli.Demo;
using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Making;

/// <summary>An nginx that hands every request to a PHP-FPM, whose script asks a PostgreSQL twice over a connection of its own.</summary>
internal sealed class PhpSite : IAsyncDisposable
{
    /// <summary>The script's role at the database.</summary>
    public const string Role = "app";

    private readonly Server _php, _nginx;
    private readonly string _truth;

    private PhpSite(Server php, Server nginx, string truth) => (_php, _nginx, _truth) = (php, nginx, truth);

    /// <summary>Port of nginx.</summary>
    public int Port => _nginx.Port;

    /// <summary>Starts both in cgroups of their own.</summary>
    public static async Task<PhpSite> StartAsync(TraceRun run, Account account, string database, int databasePort, CancellationToken cancel, string? networkNamespace = null)
    {
        string folder = Path.Combine(run.Folder, "web"), truth = Path.Combine(folder, "truth.jsonl");
        account.MakeFolder(folder);
        File.WriteAllText(Path.Combine(folder, "ask.php"), Script(truth, database, databasePort));
        Server php = await Server.StartAsync(
            port =>
            {
                File.WriteAllText(
                    Path.Combine(folder, "php-fpm.conf"),
                    $"""
                    [global]
                    error_log = {folder}/php-fpm.log
                    [www]
                    listen = 127.0.0.1:{port}
                    pm = static
                    pm.max_children = 4
                    """);
                return [Program(), "-F", "-n", "-d", "extension=pgsql", "-y", Path.Combine(folder, "php-fpm.conf")];
            },
            run.Cgroups.Folder("php"),
            cancel,
            account,
            networkNamespace);
        try
        {
            Server nginx = await Server.StartAsync(
                port =>
                {
                    File.WriteAllText(
                        Path.Combine(folder, "nginx.conf"),
                        $$"""
                        daemon off;
                        pid {{folder}}/nginx.pid;
                        error_log {{folder}}/nginx.log;
                        worker_processes 2;
                        events { worker_connections 256; }
                        http {
                          access_log off;
                          client_body_temp_path {{folder}}/body;
                          proxy_temp_path {{folder}}/proxy;
                          fastcgi_temp_path {{folder}}/fastcgi;
                          uwsgi_temp_path {{folder}}/uwsgi;
                          scgi_temp_path {{folder}}/scgi;
                          server {
                            listen 127.0.0.1:{{port}};
                            location / {
                              fastcgi_pass 127.0.0.1:{{php.Port}};
                              fastcgi_param SCRIPT_FILENAME {{folder}}/ask.php;
                              fastcgi_param QUERY_STRING $query_string;
                              fastcgi_param REQUEST_METHOD $request_method;
                            }
                          }
                        }
                        """);
                    return [Tools.Find("nginx", "nginx-light"), "-p", folder, "-e", Path.Combine(folder, "nginx.log"), "-c", Path.Combine(folder, "nginx.conf")];
                },
                run.Cgroups.Folder("nginx"),
                cancel,
                account,
                networkNamespace);
            return new PhpSite(php, nginx, truth);
        }
        catch
        {
            await php.DisposeAsync();
            throw;
        }
    }

    /// <summary>What the script said of the requests.</summary>
    public IReadOnlyList<ScriptRun> Runs(IReadOnlySet<string> requests) =>
        [.. File.ReadLines(_truth).Select(line => JsonSerializer.Deserialize<ScriptRun>(line, JsonSerializerOptions.Web)!).Where(run => requests.Contains(run.Request))];

    /// <summary>Ways of a run: the process was asked for it, and whatever it asked the database meanwhile was for it.</summary>
    public static IEnumerable<Hop> HopsOf(ScriptRun run, string database, string client) =>
    [
        new Hop(run.Request, run.Tenant, "php", run.EndNs, Pid: run.Pid),
        new Hop(run.Request, run.Tenant, "postgres", run.EndNs, $"{database}:{run.DatabasePort}", $"{client}:{run.ClientPort}", FromUtcNs: run.BeginNs),
    ];

    /// <summary>CPU time of the tenants in PHP: from the end of the run before to the end of the run.</summary>
    public static IEnumerable<CpuTruth> CpuOf(IReadOnlyList<ScriptRun> runs)
    {
        Dictionary<int, long> before = [];
        SortedDictionary<string, long> sums = new(StringComparer.Ordinal);
        foreach (ScriptRun run in runs.OrderBy(run => run.EndNs))
        {
            sums[run.Tenant] = sums.GetValueOrDefault(run.Tenant) + run.CpuEndNs - before.GetValueOrDefault(run.Pid, run.CpuBeginNs);
            before[run.Pid] = run.CpuEndNs;
        }

        return sums.Select(pair => new CpuTruth("php", pair.Key, pair.Value));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _nginx.DisposeAsync();
        await _php.DisposeAsync();
    }

    // Debian has the version in the name.
    private static string Program() =>
        Directory.EnumerateFiles("/usr/sbin", "php-fpm*").Order(StringComparer.Ordinal).LastOrDefault() ?? Tools.Find("php-fpm", "php-fpm");

    private static string Script(string truth, string database, int port) =>
        $$"""
        <?php
        function utc() { return (int)(microtime(true) * 1e6) * 1000; }
        function cpu() { $use = getrusage(); return 1000 * (1000000 * ($use['ru_utime.tv_sec'] + $use['ru_stime.tv_sec']) + $use['ru_utime.tv_usec'] + $use['ru_stime.tv_usec']); }
        $said = ['request' => $_GET['request'], 'tenant' => $_GET['tenant'], 'pid' => getmypid(), 'beginNs' => utc(), 'cpuBeginNs' => cpu()];
        $work = (int)$_GET['work'];
        $db = pg_connect('host={{database}} port={{port}} user={{Role}} dbname={{PostgresServer.Database}} sslmode=disable gssencmode=disable');
        $row = pg_fetch_row(pg_query($db, "SELECT (SELECT sum(i) FROM generate_series(1, $work) i), inet_server_port(), inet_client_port() /* {$said['request']} */"));
        for ($i = 0, $sum = 0; $i < 5 * $work; $i++) $sum += $i;
        pg_query($db, "SELECT sum(i) FROM generate_series(1, $work) i /* {$said['request']} */");
        pg_close($db);
        $said += ['endNs' => utc(), 'cpuEndNs' => cpu(), 'databasePort' => (int)$row[1], 'clientPort' => (int)$row[2]];
        file_put_contents('{{truth}}', json_encode($said) . "\n", FILE_APPEND | LOCK_EX);
        header('Content-Length: 3');
        echo "ok\n";
        """;
}
