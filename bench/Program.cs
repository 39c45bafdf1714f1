using System.Globalization;
using VirtualServices.Bench;
using VirtualServices.Model;

// dotnet run --project bench -c Release -- [PAIRS] [SECONDS]     prints the tables of docs/performance.md
int pairs = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 10;
int seconds = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 4;
using CancellationTokenSource stop = new();
Console.CancelKeyPress += (_, key) =>
{
    key.Cancel = true;
    stop.Cancel();
};
try
{
    await new GateCost(pairs, seconds, Console.Out, Console.Error).RunAsync(stop.Token);
    return 0;
}
catch (VsException e)
{
    await Console.Error.WriteLineAsync(e.Message);
    return (int)e.ExitCode;
}
