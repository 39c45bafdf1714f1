// A front end: GET /buy?id=N[&work=ROUNDS][&request=NAME] asks the stock service and PostgreSQL, some requests both at once, some after a hand-over to a worker.
// Each of the three computes for so many rounds; the statement names the request.
// WebShop PORT STOCK-PORT POSTGRES-CONNECTION-STRING LOG
// The log has a line per request as it arrives: its id, the client's port, its rounds and its name. The table purchases has a row per request: its id, and the server process that stored it.
using System.Diagnostics;
using System.Globalization;
using System.Threading.Channels;
using Npgsql;

const int RoundsPerRow = 100; // about what the database needs for a row
await using StreamWriter log = new(args[3]) { AutoFlush = true };
WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory }); // else it watches all that lies below its working folder
builder.Logging.ClearProviders();
builder.WebHost.UseUrls(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{args[0]}"));
WebApplication app = builder.Build();
using HttpClient http = new() { BaseAddress = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{args[1]}")) };
await using NpgsqlDataSource database = NpgsqlDataSource.Create(args[2]);
var queue = Channel.CreateUnbounded<Order>();
app.MapGet("/buy", async (int id, int? work, string? request, HttpContext context) =>
{
    lock (log) log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{id} {context.Connection.RemotePort} {work ?? 0} {request}"));
    Order order = new(id, work ?? 0, request ?? "", Activity.Current, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
    switch (id % 3)
    {
        case 0: // one after the other
            await AskStockAsync(order);
            await StoreAsync(order);
            break;
        case 1: // both at once
            await Task.WhenAll(AskStockAsync(order), StoreAsync(order));
            break;
        default: // a worker does it, which serves all requests in turn
            await queue.Writer.WriteAsync(order);
            await order.Done.Task;
            break;
    }

    return Results.Text(id.ToString(CultureInfo.InvariantCulture));
});
Task[] workers = [WorkAsync(), WorkAsync()];
await app.RunAsync();
queue.Writer.Complete();
await Task.WhenAll(workers);

async Task WorkAsync()
{
    await foreach (Order order in queue.Reader.ReadAllAsync())
    {
        Activity.Current = order.Activity;
        await StoreAsync(order);
        await AskStockAsync(order);
        Activity.Current = null;
        order.Done.SetResult();
    }
}

async Task AskStockAsync(Order order)
{
    string answer = await http.GetStringAsync(new Uri(string.Create(CultureInfo.InvariantCulture, $"/stock?id={order.Id}&work={order.Work}"), UriKind.Relative));
    if (!answer.Contains(order.Id.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)) throw new InvalidOperationException($"asked for {order.Id}, was told {answer}");
    uint sum = 0;
    for (int i = 0; i < order.Work * RoundsPerRow; i++) sum = (sum * 31) + (uint)i;
    if (sum == 1) throw new InvalidOperationException("no sum ends here"); // so that the loop is not left out
}

async Task StoreAsync(Order order)
{
    string name = new([.. order.Name.Where(letter => char.IsAsciiLetterOrDigit(letter) || letter == '-')]);
    await using NpgsqlCommand command = database.CreateCommand($"INSERT INTO purchases (id, backend) SELECT $1, pg_backend_pid() FROM (SELECT sum(i) FROM generate_series(1, $2) i) work /* {name} */");
    command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = order.Id });
    command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = order.Work });
    await command.ExecuteNonQueryAsync();
}

internal sealed record Order(int Id, int Work, string Name, Activity? Activity, TaskCompletionSource Done);
