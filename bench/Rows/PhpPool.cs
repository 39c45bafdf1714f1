using System.Globalization;
using VirtualServices.Bench.OneAtATime;
using VirtualServices.Cli.Demo;
using VirtualServices.Model;

namespace VirtualServices.Bench.Rows;

/// <summary>A PHP-FPM of our own that runs one script.</summary>
internal sealed class PhpPool : IAsyncDisposable
{
    private readonly Child _server;
    private readonly string _folder;

    private PhpPool(Child server, int port, string folder) => (_server, Port, _folder) = (server, port, folder);

    /// <summary>Its port on the loopback.</summary>
    public int Port { get; }

    /// <summary>The script.</summary>
    public string ScriptFile => Path.Combine(_folder, "script.php");

    /// <summary>Starts it.</summary>
    /// <param name="folder">Folder to make; removed at the end.</param>
    /// <param name="account">Runs as.</param>
    /// <param name="cgroup">Folder of the cgroup to start in.</param>
    /// <param name="children">Processes that serve.</param>
    /// <param name="script">What they run.</param>
    /// <param name="cancel">Ends the wait.</param>
    public static async Task<PhpPool> StartAsync(string folder, Account account, string cgroup, int children, string script, CancellationToken cancel)
    {
        account.MakeFolder(folder);
        int port = Ports.Free();
        string configuration = Path.Combine(folder, "php-fpm.conf");
        await File.WriteAllTextAsync(
            configuration,
            string.Create(CultureInfo.InvariantCulture, $"""
            [global]
            error_log = {folder}/php-fpm.log
            [www]
            listen = 127.0.0.1:{port}
            pm = static
            pm.max_children = {children}
            """),
            cancel);
        PhpPool pool = new(Child.Start([Program(), "-F", "-n", "-d", "extension=pgsql", "-y", configuration], account, cgroup, folder: folder), port, folder);
        await File.WriteAllTextAsync(pool.ScriptFile, script, cancel);
        if (await Ports.AnswersAsync(port, () => pool._server.HasExited, cancel)) return pool;
        string errors = pool._server.Errors;
        await pool.DisposeAsync();
        throw new VsException(ExitCode.HostLacks, $"php-fpm did not start: {errors}");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _server.EndAsync(Child.Terminate, TimeSpan.FromSeconds(5));
        _server.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    // Debian has the version in the name.
    private static string Program() =>
        Directory.EnumerateFiles("/usr/sbin", "php-fpm*").Order(StringComparer.Ordinal).LastOrDefault() ?? Tools.Find("php-fpm", "php-fpm");
}
