using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace VirtualServices.Kernel.Tests;

/// <summary>An nginx of one process, with a folder of its own.</summary>
internal sealed class NginxServer : IDisposable
{
    private readonly Process _process;

    /// <summary>Starts it and waits until it listens.</summary>
    /// <param name="folder">For all that it writes; not removed.</param>
    /// <param name="http">What stands in the block <c>http</c>.</param>
    public NginxServer(string folder, string http)
    {
        File.WriteAllText(Path.Combine(folder, "nginx.conf"), $$"""
            daemon off; master_process off; pid {{folder}}/pid; error_log {{folder}}/error;
            events { worker_connections 64; }
            http { access_log off; client_body_temp_path {{folder}}/t1; proxy_temp_path {{folder}}/t2; fastcgi_temp_path {{folder}}/t3; uwsgi_temp_path {{folder}}/t4; scgi_temp_path {{folder}}/t5;
            {{http}} }
            """);
        _process = PostgresServer.Start("nginx", "-c", Path.Combine(folder, "nginx.conf"), "-e", Path.Combine(folder, "error"));
        Wait.Until(() => File.Exists(Path.Combine(folder, "pid")), "nginx runs");
    }

    /// <summary>Its process id.</summary>
    public int Pid => _process.Id;

    /// <summary>Chooses it, as <c>pid</c>.</summary>
    public VirtualServices.Model.Selector Selector => new(VirtualServices.Model.SelectorKind.Pid, Pid.ToString(CultureInfo.InvariantCulture));

    /// <summary>A port of the loopback that is free now.</summary>
    public static int FreePort()
    {
        using TcpListener probe = new(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
