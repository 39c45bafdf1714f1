using System.Globalization;
using VirtualServices.Bench.EventLoop;
using VirtualServices.Bench.OneAtATime;
using VirtualServices.Cli.Demo;
using VirtualServices.Model;

namespace VirtualServices.Bench.Recording;

/// <summary>A server that is watched, and the load on it: connections in a closed loop, all from the loopback.</summary>
internal abstract class RecordedServer : IAsyncDisposable
{
    /// <summary>Most seconds that a load runs.</summary>
    protected const int LongestLoad = 120;

    /// <summary>What the table calls it, and what is asked.</summary>
    public abstract string Name { get; }

    /// <summary>Its port on the loopback.</summary>
    public abstract int Port { get; }

    /// <summary>Its processes now.</summary>
    public abstract IReadOnlyList<int> Processes();

    /// <summary>Starts to ask, and returns once all connections are there.</summary>
    public abstract Task<IRunningLoad> LoadAsync(CancellationToken cancel);

    /// <inheritdoc/>
    public abstract ValueTask DisposeAsync();

    /// <summary>Starts the one of that name.</summary>
    /// <param name="name">redis, nginx or postgres.</param>
    /// <param name="folder">For what it writes; not removed.</param>
    /// <param name="cancel">Ends the wait.</param>
    /// <exception cref="VsException">There is none of that name, or it did not start.</exception>
    public static async Task<RecordedServer> StartAsync(string name, string folder, CancellationToken cancel) => name switch
    {
        "redis" => new Redis(await RedisServer.StartAsync(null, cancel), await CProgram.CompileAsync("turns", folder, cancel)),
        "nginx" => await Nginx.StartAsync(folder, cancel),
        "postgres" => await Postgres.StartAsync(folder, cancel),
        _ => throw new VsException(ExitCode.Usage, $"bench: unknown server '{name}', expected redis, nginx or postgres"),
    };

    private static async Task<IRunningLoad> TurnsAsync(string program, int port, int connections, string request, CancellationToken cancel)
    {
        TurnsLoad load = TurnsLoad.Start(program, port, connections, null, LongestLoad, request, "/sys/fs/cgroup");
        await Task.Delay(TimeSpan.FromSeconds(0.2), cancel);
        return new Turns(load);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private sealed class Turns(TurnsLoad load) : IRunningLoad
    {
        public Task<IReadOnlyList<Transaction>> StopAsync(CancellationToken cancel) => load.StopAsync(cancel);

        public void Dispose() => load.Dispose();
    }

    private sealed class Redis(RedisServer server, string program) : RecordedServer
    {
        public override string Name => "Redis, GET over 50 connections";

        public override int Port => server.Port;

        public override IReadOnlyList<int> Processes() => [server.Pid];

        public override Task<IRunningLoad> LoadAsync(CancellationToken cancel) => TurnsAsync(program, Port, 50, "GET nothing\r\n", cancel);

        public override ValueTask DisposeAsync() => server.DisposeAsync();
    }

    private sealed class Nginx(Child server, int port, string program) : RecordedServer
    {
        public override string Name => "nginx, a file of 1 KB over 50 kept connections";

        public override int Port => port;

        public override IReadOnlyList<int> Processes() => [server.Pid, .. Procfs.ChildrenOf(server.Pid)];

        public override Task<IRunningLoad> LoadAsync(CancellationToken cancel) => TurnsAsync(program, port, 50, "GET /page HTTP/1.1\r\nHost: page.example\r\n\r\n", cancel);

        public override async ValueTask DisposeAsync()
        {
            await server.EndAsync(Child.Terminate, TimeSpan.FromSeconds(5));
            server.Dispose();
        }

        public static async Task<Nginx> StartAsync(string folder, CancellationToken cancel)
        {
            int port = Ports.Free();
            await File.WriteAllTextAsync(Path.Combine(folder, "page"), new string('x', 1023) + "\n", cancel);
            string configuration = Path.Combine(folder, "nginx.conf");
            await File.WriteAllTextAsync(
                configuration,
                $$"""
                user root; daemon off; worker_processes 1; pid {{folder}}/pid; error_log {{folder}}/error;
                events { worker_connections 1024; }
                http {
                  access_log off; keepalive_requests 1000000000; keepalive_timeout 1h;
                  client_body_temp_path {{folder}}/t1; proxy_temp_path {{folder}}/t2; fastcgi_temp_path {{folder}}/t3; uwsgi_temp_path {{folder}}/t4; scgi_temp_path {{folder}}/t5;
                  server { listen 127.0.0.1:{{Text(port)}}; root {{folder}}; }
                }
                """,
                cancel);
            Child child = Child.Start([Tools.Find("nginx", "nginx-light"), "-c", configuration, "-e", Path.Combine(folder, "error")]);
            Nginx server = new(child, port, await CProgram.CompileAsync("turns", folder, cancel));
            if (await Ports.AnswersAsync(port, () => child.HasExited, cancel)) return server;
            string errors = child.Errors;
            await server.DisposeAsync();
            throw new VsException(ExitCode.HostLacks, $"nginx did not start: {errors}");
        }
    }

    private sealed class Postgres(PostgresServer server, Workload workload) : RecordedServer
    {
        private const string Role = "asks";

        public override string Name => "PostgreSQL, one row per query over 4 connections";

        public override int Port => server.Port;

        public override IReadOnlyList<int> Processes() => [server.Pid, .. Procfs.ChildrenOf(server.Pid)];

        public override async Task<IRunningLoad> LoadAsync(CancellationToken cancel)
        {
            PgBench load = PgBench.Start(server, workload, new TenantLoad(Role, 4, null, 1), null, LongestLoad);
            await Task.Delay(TimeSpan.FromSeconds(1), cancel);
            return new Transactions(load);
        }

        public override ValueTask DisposeAsync() => server.DisposeAsync();

        public static async Task<Postgres> StartAsync(string folder, CancellationToken cancel)
        {
            PostgresServer server = await PostgresServer.StartAsync(Path.Combine(folder, "postgres"), null, [Role], cancel);
            return new Postgres(server, (await Workload.PrepareAsync(server, [Role], cancel)) with { Rows = 1 });
        }

        private sealed class Transactions(PgBench load) : IRunningLoad
        {
            public Task<IReadOnlyList<Transaction>> StopAsync(CancellationToken cancel) => load.CutAsync(cancel);

            public void Dispose() => load.Dispose();
        }
    }
}

/// <summary>A load that runs.</summary>
internal interface IRunningLoad : IDisposable
{
    /// <summary>Ends it.</summary>
    /// <returns>What was answered.</returns>
    /// <exception cref="VsException">A request failed, or it had ended before.</exception>
    Task<IReadOnlyList<Transaction>> StopAsync(CancellationToken cancel);
}
