// A service that others ask: answers GET /stock?id=N[&work=ROUNDS] after a pause and so many rounds of computing, and logs each request as it arrives: its id, and the client's port.
// WebStock PORT LOG
using System.Globalization;

const int RoundsPerRow = 100; // as the front end has it
await using StreamWriter log = new(args[1]) { AutoFlush = true };
WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory }); // else it watches all that lies below its working folder
builder.Logging.ClearProviders();
builder.WebHost.UseUrls(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{args[0]}"));
WebApplication app = builder.Build();
app.MapGet("/stock", async (string id, int? work, HttpContext context) =>
{
    lock (log) log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{id} {context.Connection.RemotePort}"));
    await Task.Delay(1);
    uint sum = 0;
    for (int i = 0; i < (work ?? 0) * RoundsPerRow; i++) sum = (sum * 31) + (uint)i;
    return sum == 1 ? "" : id; // it is not: so that the loop is not left out
});
await app.RunAsync();
