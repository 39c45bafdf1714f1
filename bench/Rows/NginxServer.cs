using System.Globalization;
using VirtualServices.Bench.OneAtATime;
using VirtualServices.Cli.Demo;
using VirtualServices.Model;

namespace VirtualServices.Bench.Rows;

/// <summary>An nginx of our own on a free port of the loopback, whose connections last as long as their clients want.</summary>
internal sealed class NginxServer : IAsyncDisposable
{
    private readonly Child _server;

    private NginxServer(Child server, int port) => (_server, Port) = (server, port);

    /// <summary>Its port on the loopback.</summary>
    public int Port { get; }

    /// <summary>Starts it.</summary>
    /// <param name="folder">For what it writes; not removed.</param>
    /// <param name="cgroup">Folder of the cgroup to start in.</param>
    /// <param name="workers">Processes that serve.</param>
    /// <param name="server">What its one server does, in the words of its configuration.</param>
    /// <param name="cancel">Ends the wait.</param>
    /// <param name="http">What stands beside the server there.</param>
    public static async Task<NginxServer> StartAsync(string folder, string cgroup, int workers, string server, CancellationToken cancel, string http = "")
    {
        int port = Ports.Free();
        Directory.CreateDirectory(folder);
        string configuration = Path.Combine(folder, "nginx.conf");

        // Each worker accepts from a socket of its own: from one that they share, a worker that is awake takes all the connections that come at once, and a tenant may have a worker to itself.
        string shared = workers > 1 ? " reuseport" : "";
        await File.WriteAllTextAsync(
            configuration,
            string.Create(CultureInfo.InvariantCulture, $$"""
            user root; daemon off; worker_processes {{workers}}; pid {{folder}}/pid; error_log {{folder}}/error;
            events { worker_connections 1024; }
            http {
              access_log off; keepalive_requests 1000000000; keepalive_timeout 1h;
              client_body_temp_path {{folder}}/t1; proxy_temp_path {{folder}}/t2; fastcgi_temp_path {{folder}}/t3; uwsgi_temp_path {{folder}}/t4; scgi_temp_path {{folder}}/t5;
              {{http}}
              server {
                listen 127.0.0.1:{{port}}{{shared}};
                {{server}}
              }
            }
            """),
            cancel);
        NginxServer nginx = new(Child.Start([Tools.Find("nginx", "nginx-light"), "-c", configuration, "-e", Path.Combine(folder, "error")], cgroup: cgroup), port);
        if (await Ports.AnswersAsync(port, () => nginx._server.HasExited, cancel)) return nginx;
        string errors = nginx._server.Errors;
        await nginx.DisposeAsync();
        throw new VsException(ExitCode.HostLacks, $"nginx did not start: {errors}");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _server.EndAsync(Child.Terminate, TimeSpan.FromSeconds(5));
        _server.Dispose();
    }
}
