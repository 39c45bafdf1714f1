// A front end: GET /buy?id=N asks the stock service and PostgreSQL, some requests both at once, some after a hand-over to a worker.
// WebShop PORT STOCK-PORT POSTGRES-CONNECTION-STRING LOG
// The log has a line per request as it arrives: its id, and the client's port. The table purchases has a row per request: its id, and the server process that stored it.
using System.Diagnostics;
using System.Globalization;
using System.Threading.Channels;
using Npgsql;

await using StreamWriter log = new(args[3]) { AutoFlush = true };
WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory }); // else it watches all that lies below its working folder
builder.Logging.ClearProviders();
builder.WebHost.UseUrls(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{args[0]}"));
WebApplication app = builder.Build();
using HttpClient http = new() { BaseAddress = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{args[1]}")) };
await using NpgsqlDataSource database = NpgsqlDataSource.Create(args[2]);
var queue = Channel.CreateUnbounded<Order>();
app.MapGet("/buy", async (int id, HttpContext context) =>
{
    lock (log) log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{id} {context.Connection.RemotePort}"));
    switch (id % 3)
    {
        case 0: // one after the other
            await AskStockAsync(id);
            await StoreAsync(id);
            break;
        case 1: // both at once
            await Task.WhenAll(AskStockAsync(id), StoreAsync(id));
            break;
        default: // a worker does it, which serves all requests in turn
            Order order = new(id, Activity.Current, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            await queue.Writer.WriteAsync(order);
            await order.Done.Task;
            break;
    }

    return id;
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
        await StoreAsync(order.Id);
        await AskStockAsync(order.Id);
        Activity.Current = null;
        order.Done.SetResult();
    }
}

async Task AskStockAsync(int id)
{
    string answer = await http.GetStringAsync(new Uri($"/stock?id={id.ToString(CultureInfo.InvariantCulture)}", UriKind.Relative));
    if (!answer.Contains(id.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)) throw new InvalidOperationException($"asked for {id}, was told {answer}");
}

async Task StoreAsync(int id)
{
    await using NpgsqlCommand command = database.CreateCommand("INSERT INTO purchases (id, backend) VALUES ($1, pg_backend_pid())");
    command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = id });
    await command.ExecuteNonQueryAsync();
}

internal sealed record Order(int Id, Activity? Activity, TaskCompletionSource Done);
