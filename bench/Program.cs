using System.Globalization;
using VirtualServices.Bench;
using VirtualServices.Model;

// dotnet run --project bench -c Release -- gates [PAIRS] [SECONDS]     throughput of one tenant, gates on against off
// dotnet run --project bench -c Release -- moves [SECONDS]             from re-bind to moved
// Each prints tables of docs/performance.md.
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
        case "gates":
            await new GateCost(Number(1, 10), Number(2, 4), Console.Out, Console.Error).RunAsync(stop.Token);
            return 0;
        case "moves":
            await new MoveLatency(Number(1, 20), Console.Out, Console.Error).RunAsync(stop.Token);
            return 0;
        default:
            await Console.Error.WriteLineAsync("bench: name one of: gates [PAIRS] [SECONDS], moves [SECONDS]");
            return (int)ExitCode.Usage;
    }
}
catch (VsException e)
{
    await Console.Error.WriteLineAsync(e.Message);
    return (int)e.ExitCode;
}

int Number(int at, int otherwise) => args.Length > at ? int.Parse(args[at], CultureInfo.InvariantCulture) : otherwise;
