using VirtualServices.Model;
using VirtualServices.Traces.Load;
using VirtualServices.Traces.Making;
using VirtualServices.Traces.Scoring;

const string Usage = """
    dotnet run -c Release --project traces/tool -- make [NAME ...]      records the traces again, all or those named: real servers, as root
    dotnet run -c Release --project traces/tool -- score [NAME ...]     compares what is inferred from them with what is known
    Both are for the root of a checkout, and work on its folder traces/.
    """;
const string SocketsLevel = "sockets";
Dictionary<string, Func<TraceRun, CancellationToken, Task>> makers = new(StringComparer.Ordinal)
{
    ["postgres"] = PostgresTrace.MakeAsync,
    ["redis"] = RedisTrace.MakeAsync,
    ["web"] = WebTrace.MakeAsync,
    ["pool"] = PoolTrace.MakeAsync,
    ["dns"] = DnsTrace.MakeAsync,
    ["hosts"] = HostsTrace.MakeAsync,
    ["aspnet"] = AspNetTrace.MakeAsync,

    // Once more at the level that costs strangers nothing.
    [$"postgres-{SocketsLevel}"] = PostgresTrace.MakeAsync,
    [$"web-{SocketsLevel}"] = WebTrace.MakeAsync,
    [$"pool-{SocketsLevel}"] = PoolTrace.MakeAsync,
};
using CancellationTokenSource stop = new();
Console.CancelKeyPress += (_, key) =>
{
    key.Cancel = true;
    stop.Cancel();
};
try
{
    switch (args is [] ? "" : args[0])
    {
        case "client" when args.Length == 2:
            LoadClient.Run(LoadPlan.Parse(args[1]), Console.In, Console.Out);
            return 0;
        case "make":
            foreach (string name in Named())
            {
                await Console.Error.WriteLineAsync(name);
                using TraceRun run = new(Path.Combine("traces", name), name.EndsWith($"-{SocketsLevel}", StringComparison.Ordinal) ? SocketsLevel : "syscalls", Console.Error);
                await makers[name](run, stop.Token);
            }

            return 0;
        case "score":
            ScoreTable.Write([.. Named().Select(name => TraceScore.Of(Path.Combine("traces", name)))], Console.Out);
            return 0;
        default:
            await Console.Error.WriteLineAsync(Usage);
            return (int)ExitCode.Usage;
    }
}
catch (VsException e)
{
    await Console.Error.WriteLineAsync(e.Message);
    return (int)e.ExitCode;
}

IEnumerable<string> Named()
{
    string[] names = args.Length > 1 ? args[1..] : [.. makers.Keys];
    return names.FirstOrDefault(name => !makers.ContainsKey(name)) is { } unknown
        ? throw new VsException(ExitCode.Usage, $"there is no trace '{unknown}': expected {string.Join(", ", makers.Keys)}")
        : names;
}
