// A service that others ask: answers GET /stock?id=N after a pause, and logs each request as it arrives: its id, and the client's port.
// WebStock PORT LOG
using System.Globalization;

await using StreamWriter log = new(args[1]) { AutoFlush = true };
WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory }); // else it watches all that lies below its working folder
builder.Logging.ClearProviders();
builder.WebHost.UseUrls(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{args[0]}"));
WebApplication app = builder.Build();
app.MapGet("/stock", async (string id, HttpContext context) =>
{
    lock (log) log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{id} {context.Connection.RemotePort}"));
    await Task.Delay(1);
    return id;
});
await app.RunAsync();
