// A service that others ask: answers GET /stock?id=N after a pause on another thread, and logs the ids that reached it.
// WebStock PORT LOG
using System.Globalization;

await using StreamWriter log = new(args[1]) { AutoFlush = true };
WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders();
builder.WebHost.UseUrls(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{args[0]}"));
WebApplication app = builder.Build();
app.MapGet("/stock", async (string id, HttpContext context) =>
{
    await Task.Delay(1);
    lock (log) log.WriteLine($"{id} {context.Connection.Id} {context.Connection.RemotePort}");
    return id;
});
await app.RunAsync();
