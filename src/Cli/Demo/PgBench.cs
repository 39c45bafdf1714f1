using System.Globalization;
using VirtualServices.Model;

namespace VirtualServices.Cli.Demo;

/// <summary>One tenant's front end: a pgbench process in the tenant's cgroup, connected as the tenant's role.</summary>
internal sealed class PgBench : IDisposable
{
    private readonly Child _process;
    private readonly string _logPrefix;

    private PgBench(Child process, string logPrefix)
    {
        _process = process;
        _logPrefix = logPrefix;
    }

    public int Pid => _process.Pid;

    public bool HasExited => _process.HasExited;

    /// <summary>What it complained about so far: a lost connection or a failed transaction begins with <c>pgbench: error:</c>.</summary>
    public string Errors => _process.Errors;

    /// <summary>Starts the front end.</summary>
    /// <param name="server">Whom to ask.</param>
    /// <param name="workload">What to ask.</param>
    /// <param name="load">How often.</param>
    /// <param name="cgroup">Cgroup folder of the tenant, or null.</param>
    /// <param name="seconds">How long, from the moment that all connections are up.</param>
    /// <param name="host">127.0.0.1, ::1 or the folder of the unix socket.</param>
    /// <param name="port">Port of who stands before the server, or null for the server's own.</param>
    public static PgBench Start(PostgresServer server, Workload workload, TenantLoad load, string? cgroup, int seconds, string host = "127.0.0.1", int? port = null)
    {
        string prefix = Path.Combine(server.Folder, $"log-{Guid.NewGuid():N}");
        List<string> command =
        [
            server.Program("pgbench"), "-h", host, "-p", Text(port ?? server.Port), "-U", load.Role, "-n", "-c", Text(load.Connections), "-j", "1", "-T", Text(seconds),
            "-f", workload.Script, "-D", $"rows={Text(workload.Rows)}", "-l", $"--log-prefix={prefix}", $"--random-seed={Text(load.Seed)}",
        ];
        if (load.Reconnects) command.Add("-C");
        if (load.Rate is { } rate) command.AddRange(["-R", Text(rate)]);
        command.Add(PostgresServer.Database);
        return new PgBench(Child.Start(command, server.Account, cgroup, folder: server.Folder), prefix);
    }

    /// <summary>Halts the front end where it stands: the back end finishes what it was asked and waits.</summary>
    public void Pause() => _process.Signal(Child.Stop);

    /// <summary>Lets a halted front end go on.</summary>
    public void Resume() => _process.Signal(Child.Continue);

    /// <summary>Ends the front end now; its log is left.</summary>
    public Task EndAsync() => _process.EndAsync(Child.Terminate, TimeSpan.FromSeconds(2));

    /// <summary>Waits for the end and reads the log.</summary>
    /// <exception cref="VsException">pgbench failed, or one of its transactions did.</exception>
    public async Task<IReadOnlyList<Transaction>> FinishAsync(CancellationToken cancel)
    {
        await _process.WaitAsync(cancel);
        _process.ThrowIfFailed();
        return await ReadLogAsync(complete: true, cancel);
    }

    /// <summary>Ends the front end now and reads the log; what pgbench had not written yet, less than a second even of a slow load, is missing.</summary>
    /// <exception cref="VsException">It had ended before, or one of its transactions failed.</exception>
    public async Task<IReadOnlyList<Transaction>> CutAsync(CancellationToken cancel)
    {
        if (HasExited) throw new VsException(ExitCode.HostLacks, $"pgbench ended before it was asked to: {Errors.Trim()}");
        await EndAsync();
        return await ReadLogAsync(complete: false, cancel);
    }

    // A log that was cut ends within a line.
    private async Task<IReadOnlyList<Transaction>> ReadLogAsync(bool complete, CancellationToken cancel)
    {
        string file = $"{_logPrefix}.{Text(Pid)}";
        string[] lines = await File.ReadAllLinesAsync(file, cancel);
        File.Delete(file);
        return [.. lines.SkipLast(complete ? 0 : 1).Select(line => Transaction.Parse(line, file))];
    }

    public void Dispose()
    {
        Resume();
        _process.Dispose();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>How a tenant asks.</summary>
/// <param name="Role">Database role; the tenant's name.</param>
/// <param name="Connections">Connections.</param>
/// <param name="Rate">Transactions per second, arriving at random whether or not earlier ones are done; null for a closed loop.</param>
/// <param name="Seed">The same seed gives the same arrivals: arms are compared on equal demand.</param>
/// <param name="Reconnects">A new connection for each transaction.</param>
internal sealed record TenantLoad(string Role, int Connections, int? Rate, int Seed, bool Reconnects = false);
