using System.Globalization;
using VirtualServices.Cli.Demo;
using VirtualServices.Model;

namespace VirtualServices.Bench.OneAtATime;

/// <summary>
/// A php-cgi of one process: it accepts a connection, serves the one request on it, closes it, and accepts the next. All of them run on the same CPU, so that two can do no more than one.
/// </summary>
internal sealed class CgiServer : IAsyncDisposable
{
    // CPU time, not time: what waits for the processor does not become shorter by it.
    private const string Script = """
        <?php
        function used() { $u = getrusage(); return 1e6 * ($u['ru_utime.tv_sec'] + $u['ru_stime.tv_sec']) + $u['ru_utime.tv_usec'] + $u['ru_stime.tv_usec']; }
        $until = used() + mt_rand(0, 10000);
        while (used() < $until);
        header('Content-Length: 3');
        echo "ok\n";
        """;

    private readonly Child _server;

    private CgiServer(Child server, int port, string script) => (_server, Port, ScriptFile) = (server, port, script);

    /// <summary>Its port on the loopback.</summary>
    public int Port { get; }

    /// <summary>Process id.</summary>
    public int Pid => _server.Pid;

    /// <summary>The script that each request runs: 0 to 10 ms of CPU time.</summary>
    public string ScriptFile { get; }

    /// <summary>Starts it.</summary>
    /// <param name="folder">For the script; not removed.</param>
    /// <param name="cgroup">Folder of the cgroup to start in.</param>
    /// <param name="cancel">Ends the wait.</param>
    public static async Task<CgiServer> StartAsync(string folder, string cgroup, CancellationToken cancel)
    {
        int port = Ports.Free();
        string script = Path.Combine(folder, "busy.php"), cpu = Text(MachineSpeed.AllowedCpus().Max());
        await File.WriteAllTextAsync(script, Script, cancel);
        CgiServer server = new(Child.Start([Tools.Find("taskset", "util-linux"), "-c", cpu, Tools.Find("env", "coreutils"), "PHP_FCGI_MAX_REQUESTS=0", Tools.Find("php-cgi", "php-cgi"), "-n", "-b", $"127.0.0.1:{Text(port)}"], cgroup: cgroup), port, script);
        if (await Ports.AnswersAsync(port, () => server._server.HasExited, cancel)) return server;
        string errors = server._server.Errors;
        await server.DisposeAsync();
        throw new VsException(ExitCode.HostLacks, $"php-cgi did not start: {errors}");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _server.EndAsync(Child.Terminate, TimeSpan.FromSeconds(5));
        _server.Dispose();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
