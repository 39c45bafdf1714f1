using System.Diagnostics.Tracing;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Diagnostics.NETCore.Client;
using VirtualServices.Cli.Demo;

namespace VirtualServices.EndToEnd;

/// <summary>A front end of ASP.NET Core that asks a second service and PostgreSQL, all on loopback; what they log is the truth about who asked for what.</summary>
internal sealed class WebServices : IAsyncDisposable
{
    private const string Role = "shop";
    private readonly PostgresServer _server;
    private readonly string _folder;
    private readonly List<Child> _children = [];

    private WebServices(PostgresServer server, string folder)
    {
        _server = server;
        _folder = folder;
    }

    /// <summary>Port of the front end.</summary>
    public int Port { get; private set; }

    public int StockPort { get; private set; }

    public int DatabasePort => _server.Port;

    public Child Shop => _children[1];

    public Child Stock => _children[0];

    /// <summary>Starts all three, and waits until they answer.</summary>
    public static async Task<WebServices> StartAsync(string folder, CancellationToken cancel)
    {
        PostgresServer server = await PostgresServer.StartAsync(Path.Combine(Path.GetTempPath(), $"vs-server-{Guid.NewGuid():N}"), null, [Role], cancel);
        WebServices services = new(server, folder);
        try
        {
            await using SqlSession sql = server.OpenSession();
            await sql.QueryAsync($"CREATE TABLE purchases (number serial, id int, backend int); GRANT INSERT ON purchases TO {Role}; GRANT USAGE ON purchases_number_seq TO {Role}", cancel);
            services.StockPort = FreePort();
            services.Launch("WebStock", services.StockPort, Path.Combine(folder, "stock.log"));
            await AnswersAsync(services.StockPort, services.Stock, cancel);
            services.Port = FreePort();
            services.Launch("WebShop", services.Port, services.StockPort, $"Host=127.0.0.1;Port={server.Port};Username={Role};Database={PostgresServer.Database};Maximum Pool Size=4", Path.Combine(folder, "shop.log"));
            await AnswersAsync(services.Port, services.Shop, cancel);
            return services;
        }
        catch
        {
            await services.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts to capture a process's EventPipe into a file; what is given back ends it.</summary>
    /// <param name="child">Process.</param>
    /// <param name="path">File to write.</param>
    /// <param name="spans">With the spans of requests and calls; else with the events of Kestrel and HttpClient only.</param>
    public static Func<Task> Capture(Child child, string path, bool spans = true)
    {
        const long All = 0xFFFFFFFF, Events = 2, TasksFlowActivityIds = 0x80;
        List<EventPipeProvider> providers =
        [
            new("System.Net.Http", EventLevel.Verbose, All),
            new("Microsoft-AspNetCore-Server-Kestrel", EventLevel.Verbose, All),
            new("System.Threading.Tasks.TplEventSource", EventLevel.Informational, TasksFlowActivityIds),
        ];
        if (spans) providers.Add(new("Microsoft-Diagnostics-DiagnosticSource", EventLevel.Verbose, Events, new Dictionary<string, string> { ["FilterAndPayloadSpecs"] = "[AS]*:-Id;ParentId;Kind;Tags=TagObjects.*Enumerate" }));
        EventPipeSession session = new DiagnosticsClient(child.Pid).StartEventPipeSession(providers, requestRundown: false);
        FileStream file = File.Create(path);
        Task copied = session.EventStream.CopyToAsync(file);
        return async () =>
        {
            await session.StopAsync(CancellationToken.None);
            await copied;
            session.Dispose();
            await file.DisposeAsync();
        };
    }

    /// <summary>Asks for ids from 0 on, several at a time, each client on a connection of its own.</summary>
    public async Task AskAsync(int count, int clients, CancellationToken cancel)
    {
        int next = -1;
        await Task.WhenAll(Enumerable.Range(0, clients).Select(async _ =>
        {
            using HttpClient http = new(new SocketsHttpHandler { ActivityHeadersPropagator = null });
            for (int id; (id = Interlocked.Increment(ref next)) < count;)
                Assert.Equal(id.ToString(CultureInfo.InvariantCulture), await http.GetStringAsync(new Uri($"http://127.0.0.1:{Port}/buy?id={id}"), cancel));
        }));
    }

    /// <summary>Ids that arrived, by the client's port, in the order of their arrival.</summary>
    public Dictionary<int, List<int>> Arrived(string service) =>
        File.ReadLines(Path.Combine(_folder, service + ".log"))
            .Select(line => line.Split(' '))
            .GroupBy(words => int.Parse(words[1], CultureInfo.InvariantCulture))
            .ToDictionary(group => group.Key, group => group.Select(words => int.Parse(words[0], CultureInfo.InvariantCulture)).ToList());

    /// <summary>Ids that were stored, by the server process, in their order.</summary>
    public async Task<Dictionary<int, List<int>>> StoredAsync(CancellationToken cancel)
    {
        await using SqlSession sql = _server.OpenSession();
        IReadOnlyList<string> rows = await sql.QueryAsync("SELECT backend || ' ' || id FROM purchases ORDER BY number", cancel);
        return rows.Select(row => row.Split(' '))
            .GroupBy(words => int.Parse(words[0], CultureInfo.InvariantCulture))
            .ToDictionary(group => group.Key, group => group.Select(words => int.Parse(words[1], CultureInfo.InvariantCulture)).ToList());
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Child child in _children)
        {
            await child.EndAsync(Child.Terminate, TimeSpan.FromSeconds(5));
            child.Dispose();
        }

        await _server.DisposeAsync();
    }

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private void Launch(string program, params object[] arguments)
    {
        string host = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../../dotnet"));
        string library = Path.Combine(AppContext.BaseDirectory.Replace($"{Path.DirectorySeparatorChar}EndToEnd{Path.DirectorySeparatorChar}", $"{Path.DirectorySeparatorChar}{program}{Path.DirectorySeparatorChar}", StringComparison.Ordinal), $"VirtualServices.{program}.dll");
        Assert.True(File.Exists(library), $"{library} is missing: build {program}");
        _children.Add(Child.Start([host, library, .. arguments.Select(argument => Convert.ToString(argument, CultureInfo.InvariantCulture)!)]));
    }

    private static async Task AnswersAsync(int port, Child child, CancellationToken cancel)
    {
        bool answers = await Wait.UntilAsync(
            () =>
            {
                try
                {
                    using TcpClient client = new("127.0.0.1", port);
                    return true;
                }
                catch (SocketException)
                {
                    return child.HasExited;
                }
            },
            TimeSpan.FromSeconds(30),
            cancel);
        Assert.True(answers && !child.HasExited, child.Errors + child.Output);
    }
}
