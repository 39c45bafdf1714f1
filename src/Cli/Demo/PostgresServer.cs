using System.Globalization;
using System.Net;
using System.Net.Sockets;
using VirtualServices.Model;

namespace VirtualServices.Cli.Demo;

/// <summary>
/// A PostgreSQL of our own: own data folder, own free port on loopback (v4, and v6 where there is one), own folder for its unix socket, run as an unprivileged user.
/// Only the tenants' roles may connect over TCP without a password; the superuser exists behind the private folder of the unix socket alone.
/// </summary>
internal sealed class PostgresServer : IAsyncDisposable
{
    private const string Superuser = "owner";
    private const int StartAttempts = 3;
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(10);

    private readonly string _bin;
    private readonly IReadOnlyList<string> _settings;
    private readonly string? _networkNamespace;
    private Child? _server;

    private PostgresServer(string bin, Account account, string folder, string? networkNamespace, IReadOnlyList<string> settings)
    {
        _bin = bin;
        _settings = settings;
        _networkNamespace = networkNamespace;
        Account = account;
        Folder = folder;
    }

    /// <summary>Name of the only database.</summary>
    public static string Database => "demo";

    /// <summary>User that the server runs as; front ends may use it, too.</summary>
    public Account Account { get; }

    /// <summary>The server's folder: data, log, unix socket.</summary>
    public string Folder { get; }

    /// <summary>TCP port on loopback.</summary>
    public int Port { get; private set; }

    /// <summary>Folder of the unix socket: the host of a connection string.</summary>
    public string SocketFolder => Path.Combine(Folder, "s");

    /// <summary>Full path of the unix socket.</summary>
    public string SocketPath => Path.Combine(SocketFolder, $".s.PGSQL.{Port.ToString(CultureInfo.InvariantCulture)}");

    /// <summary>Process id of the postmaster.</summary>
    public int Pid => _server!.Pid;

    /// <summary>True where the server listens on ::1, too.</summary>
    public bool ListensOnIPv6 { get; private set; }

    /// <summary>Makes the data folder, starts the server and makes the roles.</summary>
    /// <param name="folder">Folder to make; removed at the end.</param>
    /// <param name="cgroup">Cgroup to run the server in, or null for ours.</param>
    /// <param name="roles">Roles that may connect over TCP.</param>
    /// <param name="cancel">Ends the attempt; what was started is ended, too.</param>
    /// <param name="networkNamespace">Name of the network namespace to run in, or null for ours.</param>
    /// <param name="settings">More settings of the server, NAME=VALUE.</param>
    /// <exception cref="VsException">PostgreSQL is missing or does not start; the message carries the end of its log.</exception>
    public static async Task<PostgresServer> StartAsync(string folder, string? cgroup, IReadOnlyList<string> roles, CancellationToken cancel, string? networkNamespace = null, params IReadOnlyList<string> settings)
    {
        PostgresServer server = new(Tools.PostgresFolder(), Account.Choose(), folder, networkNamespace, settings);
        try
        {
            await server.InitialiseAsync(roles, cancel);
            await server.LaunchAsync(cgroup, cancel);
            await using SqlSession sql = server.OpenSession("postgres");
            foreach (string role in roles) await sql.QueryAsync($"CREATE ROLE \"{role}\" LOGIN", cancel);
            await sql.QueryAsync($"CREATE DATABASE {Database}", cancel);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Full path of one of PostgreSQL's programs.</summary>
    public string Program(string name) => Path.Combine(_bin, name);

    /// <summary>Opens a session of the superuser over the unix socket.</summary>
    public SqlSession OpenSession(string? database = null) =>
        new(Program("psql"), Account, SocketFolder, Port, Superuser, database ?? Database);

    /// <summary>Fast shutdown, then immediate, then SIGKILL of the postmaster and its children; then removes the folder.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            int[] children = Procfs.ChildrenOf(_server.Pid);
            _server.Signal(Child.Interrupt);
            if (!await EndedAsync(StopLimit)) _server.Signal(Child.Quit);
            if (!await EndedAsync(StopLimit))
            {
                // Backends are session leaders of their own: the postmaster's process group does not hold them.
                children = [.. children, .. Procfs.ChildrenOf(_server.Pid)];
                _server.Signal(Child.Kill);
                foreach (int child in children.Distinct().Where(pid => Procfs.CommandOf(pid) == "postgres")) _ = Tmds.Linux.LibC.kill(child, Child.Kill);
            }

            _server.Dispose();
            _server = null;
        }

        if (Directory.Exists(Folder)) Directory.Delete(Folder, recursive: true);
    }

    private async Task<bool> EndedAsync(TimeSpan limit)
    {
        using CancellationTokenSource time = new(limit);
        return await Wait.UntilAsync(() => _server!.HasExited, limit, CancellationToken.None);
    }

    private async Task InitialiseAsync(IReadOnlyList<string> roles, CancellationToken cancel)
    {
        Account.MakeFolder(Folder);
        Account.MakeFolder(SocketFolder);
        string data = Path.Combine(Folder, "data");
        await Child.RunAsync([Program("initdb"), "--no-sync", "--auth=trust", $"--username={Superuser}", "--encoding=UTF8", "--locale=C", "-D", data], Account, cancel);
        string tenants = string.Join(',', roles.Select(role => $"\"{role}\""));
        string[] lines =
        [
            "local all all trust",
            .. roles.Count == 0 ? (string[])[] : [$"host {Database} {tenants} 127.0.0.1/32 trust", $"host {Database} {tenants} ::1/128 trust"],
        ];
        await File.WriteAllLinesAsync(Path.Combine(data, "pg_hba.conf"), lines, cancel);
    }

    private async Task LaunchAsync(string? cgroup, CancellationToken cancel)
    {
        string said = "";
        for (int attempt = 0; attempt < StartAttempts; attempt++)
        {
            // Another process may take the port between the probe and the start: then the server says so and the next port is tried.
            (Port, ListensOnIPv6) = FreePort();
            _server = Child.Start(
                [
                    Program("postgres"), "-D", Path.Combine(Folder, "data"), "-p", Port.ToString(CultureInfo.InvariantCulture), "-k", SocketFolder,
                    "-c", $"listen_addresses={(ListensOnIPv6 ? "127.0.0.1,::1" : "127.0.0.1")}", "-c", "max_connections=200", "-c", "shared_buffers=128MB",
                    "-c", "jit=off", "-c", "max_parallel_workers_per_gather=0", "-c", "unix_socket_permissions=0700",
                    .. _settings.SelectMany(setting => (string[])["-c", setting]),
                ],
                Account,
                cgroup,
                folder: Folder,
                networkNamespace: _networkNamespace);
            if (await Wait.UntilAsync(() => _server.HasExited || IsReady(), StartLimit, cancel) && !_server.HasExited) return;
            said = _server.Errors.Trim();
            await _server.EndAsync(Child.Quit, StopLimit);
            _server.Dispose();
            _server = null;
            if (!said.Contains("Address already in use", StringComparison.Ordinal)) break;
        }

        throw new VsException(ExitCode.HostLacks, $"demo: PostgreSQL ({Program("postgres")}) did not start: {said}");
    }

    // The eighth line of the pid file is the state; "ready" appears when connections are accepted.
    private bool IsReady()
    {
        string file = Path.Combine(Folder, "data", "postmaster.pid");
        if (!File.Exists(file)) return false;
        string[] lines = File.ReadAllLines(file);
        return lines.Length >= 8 && lines[7].Trim() == "ready";
    }

    private static (int Port, bool IPv6) FreePort()
    {
        using Socket four = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        four.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        int port = ((IPEndPoint)four.LocalEndPoint!).Port;
        try
        {
            using Socket six = new(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
            six.Bind(new IPEndPoint(IPAddress.IPv6Loopback, port));
            return (port, true);
        }
        catch (SocketException)
        {
            return (port, false); // no IPv6 here, or the port is taken there: v4 alone is enough
        }
    }
}
