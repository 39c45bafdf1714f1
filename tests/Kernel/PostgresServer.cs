using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace VirtualServices.Kernel.Tests;

/// <summary>A PostgreSQL of our own: own data, own port on both loopbacks, own unix socket. Ended with its folder.</summary>
internal sealed class PostgresServer : IDisposable
{
    private const string Bin = "/usr/lib/postgresql/15/bin";
    private readonly string _folder = Directory.CreateTempSubdirectory("vs-pg-").FullName;
    private readonly Process _process;

    public PostgresServer()
    {
        using (TcpListener probe = new(IPAddress.Loopback, 0))
        {
            probe.Start();
            Port = ((IPEndPoint)probe.LocalEndpoint).Port;
        }

        Run("chown", "postgres", _folder);
        Run("runuser", "-u", "postgres", "--", $"{Bin}/initdb", "-D", Data, "-A", "trust", "--no-sync");
        _process = Start("runuser", "-u", "postgres", "--", $"{Bin}/postgres", "-D", Data, "-p", Text(Port), "-k", _folder, "-c", "listen_addresses=127.0.0.1,::1", "-c", "fsync=off");
        Wait.Until(() => File.Exists($"{Data}/postmaster.pid") && File.ReadLines($"{Data}/postmaster.pid").Skip(7).FirstOrDefault()?.Trim() == "ready", "PostgreSQL is ready");
        Pid = int.Parse(File.ReadLines($"{Data}/postmaster.pid").First(), CultureInfo.InvariantCulture);
    }

    public int Port { get; }

    /// <summary>The postmaster.</summary>
    public int Pid { get; }

    public string UnixSocket => $"{_folder}/.s.PGSQL.{Port}";

    private string Data => $"{_folder}/data";

    /// <summary>Opens a session: a psql process that reads our commands.</summary>
    /// <param name="host">Address, or null for the unix socket.</param>
    public PostgresClient Connect(string? host = "127.0.0.1") => new(host ?? _folder, Port);

    public void Dispose()
    {
        Run("sh", "-c", $"kill -INT {Text(Pid)}"); // the shell's own: a bare Debian has no such program
        _process.WaitForExit();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    internal static Process Start(string program, params string[] arguments)
    {
        ProcessStartInfo start = new(program) { RedirectStandardOutput = true, RedirectStandardInput = true, RedirectStandardError = true, WorkingDirectory = "/" };
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        Process process = Process.Start(start)!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        return process;
    }

    private static void Run(string program, params string[] arguments)
    {
        using Process process = Start(program, arguments);
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)} exited with {process.ExitCode}");
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A tenant's client: one process with one connection.</summary>
internal sealed class PostgresClient : IDisposable
{
    private readonly Process _process;
    private bool _disposed;

    public PostgresClient(string host, int port)
    {
        _process = PostgresServer.Start("psql", "-X", "-q", "-A", "-t", "-h", host, "-p", port.ToString(CultureInfo.InvariantCulture), "-U", "postgres", "postgres");
        Backend = AskBackend();
    }

    public int Pid => _process.Id;

    /// <summary>Process of the server that serves this connection.</summary>
    public int Backend { get; private set; }

    /// <summary>Makes a new connection, served by a new process.</summary>
    public void Reconnect()
    {
        _process.StandardInput.WriteLine("\\c");
        Backend = AskBackend();
    }

    public string Ask(string query)
    {
        _process.StandardInput.WriteLine(query);
        _process.StandardInput.Flush();
        return _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("psql ended");
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _process.StandardInput.Close();
        if (!_process.WaitForExit(5000)) _process.Kill();
        _process.Dispose();
    }

    private int AskBackend() => int.Parse(Ask("select pg_backend_pid();"), CultureInfo.InvariantCulture);
}
