using System.Globalization;
using System.Text.Json;
using VirtualServices.Cli.Demo;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model.Sessions;

namespace VirtualServices.EndToEnd;

/// <summary>Captures of real ASP.NET Core services against what they and PostgreSQL logged. Needs no root.</summary>
public sealed class NettraceTests
{
    private const int Requests = 120, Clients = 6;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Each_call_is_linked_to_the_request_that_it_works_for(bool spans)
    {
        string folder = Directory.CreateTempSubdirectory("vs-nettrace-").FullName;
        try
        {
            await using WebServices services = await WebServices.StartAsync(folder, Site.Cancel);
            string shop = Path.Combine(folder, "shop.nettrace"), stock = Path.Combine(folder, "stock.nettrace"), session = Path.Combine(folder, "session"), links = Path.Combine(folder, "links.jsonl");
            Func<Task> endShop = WebServices.Capture(services.Shop, shop, spans), endStock = WebServices.Capture(services.Stock, stock, spans);
            await services.AskAsync(Requests, Clients, Site.Cancel);
            await endShop();
            await endStock();
            await VsChild.RunAsync(Site.Cancel, "import", "nettrace", shop, stock, "-o", session);
            await VsChild.RunAsync(Site.Cancel, "infer", session, "-o", Path.Combine(folder, "rules.yaml"), "--links", links);
            Compare(session, links, services, spans ? await services.StoredAsync(Site.Cancel) : null);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Compare(string session, string links, WebServices services, Dictionary<int, List<int>>? stored)
    {
        List<Turn> turns = Read(session, out SessionInfo info);
        Assert.Equal(["VirtualServices.WebShop", "VirtualServices.WebStock"], info.Services.Select(service => service.Name));
        Assert.All(info.Processes, process => Assert.Contains(process.Pid, new[] { services.Shop.Pid, services.Stock.Pid }));

        // What the logs say of each request at a server: its connection is known by the client's port, and its place on it.
        Turn[] asked = [.. turns.Where(turn => turn.Server)];
        Number([.. asked.Where(turn => turn.Pid == services.Shop.Pid)], services.Arrived("shop"), turn => turn.Socket.Remote.Port);
        Number([.. asked.Where(turn => turn.Pid == services.Stock.Pid)], services.Arrived("stock"), turn => turn.Socket.Remote.Port);
        Assert.Equal((Requests, Requests), (asked.Count(turn => turn.Pid == services.Shop.Pid), asked.Count(turn => turn.Pid == services.Stock.Pid)));

        // Calls: those to the stock service are its requests; those to PostgreSQL are named by its processes.
        Turn[] calls = [.. turns.Where(turn => !turn.Server)], toStock = [.. calls.Where(turn => turn.Socket.Remote.Port == services.StockPort)], toDatabase = [.. calls.Except(toStock)];
        Assert.All(calls, call => Assert.Equal(services.Shop.Pid, call.Pid));
        Assert.Equal(Requests, toStock.Length);
        if (stored is null)
        {
            Assert.Empty(toDatabase);
        }
        else
        {
            Assert.All(toDatabase, call => Assert.Equal($"127.0.0.1:{services.DatabasePort}", call.Socket.Remote.ToString()));

            // The first call of a connection opens it.
            Number([.. toDatabase.GroupBy(call => call.Socket).SelectMany(connection => connection.Skip(1))], stored, turn => int.Parse(turn.Socket.Connection[(turn.Socket.Connection.LastIndexOf('-') + 1)..], CultureInfo.InvariantCulture));
            foreach (IGrouping<string, Turn> connection in toStock.GroupBy(call => call.Socket.Connection))
            {
                Turn[] there = [.. asked.Where(turn => turn.Socket.Connection == connection.Key)], here = [.. connection];
                Assert.Equal(here.Length, there.Length); // both ends are known as ends of one connection
                for (int i = 0; i < here.Length; i++) here[i].Id = there[i].Id;
            }
        }

        Dictionary<(string, long), Turn> byName = asked.ToDictionary(turn => (turn.Socket.Connection, turn.TimeNs));
        Dictionary<(string, long), Turn> callsByName = calls.ToDictionary(turn => (turn.Socket.Connection, turn.TimeNs));
        int linked = 0, wrong = 0;
        foreach (string line in File.ReadLines(links))
        {
            using JsonDocument link = JsonDocument.Parse(line);
            JsonElement root = link.RootElement, parent = root.GetProperty("parent");
            Assert.True(callsByName.Remove((root.GetProperty("conn").GetString()!, root.GetProperty("ts").GetInt64()), out Turn? call));
            if (parent.ValueKind == JsonValueKind.Null) continue;
            Turn request = byName[(parent.GetProperty("conn").GetString()!, parent.GetProperty("ts").GetInt64())];
            if (stored is null && root.GetProperty("confidence").GetDouble() < 1) continue; // estimated
            Assert.Equal(1, root.GetProperty("confidence").GetDouble());
            linked++;
            if (stored is not null && request.Id != call.Id && call.Id >= 0) wrong++;
        }

        Assert.Empty(callsByName);
        if (stored is not null) Assert.Equal(Requests * 2, calls.Count(call => call.Id >= 0));
        Assert.Equal(0, wrong);

        // Without spans a call that a worker makes is in no request's activity: every third one.
        Assert.Equal(stored is null ? Requests - (Requests / 3) : calls.Length, linked);
    }

    /// <summary>Gives the turns of each connection the ids that the log has of it.</summary>
    private static void Number(IReadOnlyList<Turn> turns, Dictionary<int, List<int>> ids, Func<Turn, int> connection)
    {
        foreach (IGrouping<int, Turn> group in turns.GroupBy(connection))
        {
            Turn[] own = [.. group];
            Assert.Equal(ids[group.Key].Count, own.Length);
            for (int i = 0; i < own.Length; i++) own[i].Id = ids[group.Key][i];
        }
    }

    private static List<Turn> Read(string session, out SessionInfo info)
    {
        using SessionReader reader = SessionReader.Open(session);
        Dictionary<ulong, SocketDescription> sockets = [];
        List<(SessionEvent Event, ulong Socket)> begins = [];
        SessionEvent[] buffer = new SessionEvent[256];
        for (int count; (count = reader.Read(buffer)) > 0;)
        {
            foreach (SessionEvent e in buffer.AsSpan(0, count))
            {
                if (e.Call == CallKind.Describe) sockets[e.Socket] = reader.Descriptions[e.Child];
                else if (sockets.TryGetValue(e.Socket, out SocketDescription? socket) && e.Call == (socket.Role == SocketRole.Server ? CallKind.Receive : CallKind.Send)) begins.Add((e, e.Socket));
            }
        }

        info = reader.Info;
        return [.. begins.Select(begin => new Turn(begin.Event.Pid, begin.Event.TimeNs, sockets[begin.Socket]))];
    }

    /// <summary>A request at a server, or a call of a client.</summary>
    private sealed record Turn(int Pid, long TimeNs, SocketDescription Socket)
    {
        public bool Server => Socket.Role == SocketRole.Server;

        /// <summary>As the logs have it.</summary>
        public int Id { get; set; } = -1;
    }
}
