using System.Globalization;
using VirtualServices.Bench;
using VirtualServices.Model;

// Prints the tables of docs/performance.md:
//   dotnet run --project bench -c Release -- [PAIRS] [SECONDS]     throughput of a tenant with gates on against off
//   dotnet run --project bench -c Release -- gates [ROUNDS]        nanoseconds of each gate program
bool ofGates = args is ["gates", ..];
int pairs = args.Length > 0 && !ofGates ? int.Parse(args[0], CultureInfo.InvariantCulture) : 10;
int seconds = args.Length > 1 && !ofGates ? int.Parse(args[1], CultureInfo.InvariantCulture) : 4;
int rounds = ofGates && args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 5;
using CancellationTokenSource stop = new();
Console.CancelKeyPress += (_, key) =>
{
    key.Cancel = true;
    stop.Cancel();
};
try
{
    if (ofGates) await new GateNanoseconds(rounds, Console.Out, Console.Error).RunAsync(stop.Token);
    else await new GateCost(pairs, seconds, Console.Out, Console.Error).RunAsync(stop.Token);
    return 0;
}
catch (VsException e)
{
    await Console.Error.WriteLineAsync(e.Message);
    return (int)e.ExitCode;
}
