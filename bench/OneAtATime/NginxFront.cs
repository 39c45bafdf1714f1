using System.Globalization;
using VirtualServices.Cli.Demo;
using VirtualServices.Model;

namespace VirtualServices.Bench.OneAtATime;

/// <summary>A tenant's nginx, which asks a php-cgi over a new connection for each request: under <c>/</c> the shared one, under <c>/own</c> one of its own.</summary>
internal sealed class NginxFront : IAsyncDisposable
{
    private readonly Child _server;

    private NginxFront(Child server, int port) => (_server, Port) = (server, port);

    /// <summary>Its port on the loopback.</summary>
    public int Port { get; }

    /// <summary>Starts it.</summary>
    /// <param name="folder">For what it writes; not removed.</param>
    /// <param name="cgroup">Folder of the tenant's cgroup.</param>
    /// <param name="shared">The shared server.</param>
    /// <param name="own">The tenant's own.</param>
    /// <param name="cancel">Ends the wait.</param>
    public static async Task<NginxFront> StartAsync(string folder, string cgroup, CgiServer shared, CgiServer own, CancellationToken cancel)
    {
        int port = Ports.Free();
        Directory.CreateDirectory(folder);
        string configuration = Path.Combine(folder, "nginx.conf");
        await File.WriteAllTextAsync(
            configuration,
            $$"""
            user root; daemon off; worker_processes 1; pid {{folder}}/pid; error_log {{folder}}/error;
            events { worker_connections 1024; }
            http {
              access_log off; keepalive_requests 1000000000; keepalive_timeout 1h;
              client_body_temp_path {{folder}}/t1; proxy_temp_path {{folder}}/t2; fastcgi_temp_path {{folder}}/t3; uwsgi_temp_path {{folder}}/t4; scgi_temp_path {{folder}}/t5;
              server {
                listen 127.0.0.1:{{Text(port)}};
                fastcgi_param SCRIPT_FILENAME {{shared.ScriptFile}}; fastcgi_param REQUEST_METHOD GET; fastcgi_param REDIRECT_STATUS 200;
                location / { fastcgi_pass 127.0.0.1:{{Text(shared.Port)}}; }
                location /own { fastcgi_pass 127.0.0.1:{{Text(own.Port)}}; }
              }
            }
            """,
            cancel);
        NginxFront front = new(Child.Start([Tools.Find("nginx", "nginx-light"), "-c", configuration, "-e", Path.Combine(folder, "error")], cgroup: cgroup), port);
        if (await Ports.AnswersAsync(port, () => front._server.HasExited, cancel)) return front;
        string errors = front._server.Errors;
        await front.DisposeAsync();
        throw new VsException(ExitCode.HostLacks, $"nginx did not start: {errors}");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _server.EndAsync(Child.Terminate, TimeSpan.FromSeconds(5));
        _server.Dispose();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
