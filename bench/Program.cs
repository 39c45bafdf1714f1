using System.Globalization;
using VirtualServices.Bench;
using VirtualServices.Bench.Inference;
using VirtualServices.Bench.Network;
using VirtualServices.Bench.Recording;
using VirtualServices.Bench.Siblings;
using VirtualServices.Model;

// Prints the tables of docs/performance.md. Numbers after a name are taken where none is given.
const string Usage = """
    dotnet run --project bench -c Release -- throughput [PAIRS 60] [PROGRAM ...]     of one tenant, gate programs on against off; all, or those named
    dotnet run --project bench -c Release -- turns [PAIRS 200] [PROGRAM ...]         nanoseconds for a request and its answer, gate programs on less off; all, or those named
    dotnet run --project bench -c Release -- moves [SECONDS 20]        from re-bind to moved
    dotnet run --project bench -c Release -- gates [ROUNDS 5]          nanoseconds of each gate program
    dotnet run --project bench -c Release -- record [ROUNDS 9] [NAME ...]              throughput of a watched server against itself; servers redis, nginx, postgres; observers sockets, syscalls (vs record at that level), tcpdump, bpftrace, perf, strace: all, or those named
    dotnet run --project bench -c Release -- record-cost [PAIRS 60] [NAME ...]        the same of vs record alone, more exactly: its programs are switched off and on below the same connections; redis, nginx, postgres; sockets, syscalls
    dotnet run --project bench -c Release -- record-stranger [ROUNDS 9]               nanoseconds that a system call of another program takes more
    dotnet run --project bench -c Release -- record-rate [SECONDS 10] [LOAD ...]            events a second that are recorded, their bytes, the recorder's CPU and memory, and how fast they are read again; loads unix-1, tcp-1, and with a thread for each processor, such as unix-2: all, or those named
    dotnet run --project bench -c Release -- record-start [ROUNDS 5]   from the command to the first event
    dotnet run --project bench -c Release -- admission [ROUNDS 5]      on a shared Redis: latency of a victim, work conserved, shares by weight
    dotnet run --project bench -c Release -- cgi [SECONDS 15]          a shared php-cgi that serves one connection at a time: requests of two tenants with and without gates
    dotnet run --project bench -c Release -- rows [ROUNDS 3] [ROW ...]       a steady tenant beside one that takes all it can, at each kind of shared service: chain, fresh-chain, pool, small-pool, cache, fresh-cache, dns, web; all, or those named
    dotnet run --project bench -c Release -- network [ROUNDS 5] [PART ...]           network shares in namespaces of its own: isolation, shares, assured, cost, classes, cycles; all, or those named
    dotnet run --project bench -c Release -- siblings [SECONDS 5]      what the kernel's scheduler leaves to others beside a cgroup whose processes wake each other; nothing of ours runs
    dotnet run --project bench -c Release -- infer [MILLIONS 100] [SHAPE ...] [F.svg]   vs infer on one processor, sessions of 1, 3, 10 ... million events: events a second, memory; all shapes, or those named
    """;
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
        case "throughput":
            await new GateCost(Number(1, 60), args is [_, _, .. string[] parts] ? parts : [], Console.Out, Console.Error).RunAsync(stop.Token);
            return 0;
        case "turns":
            await new TurnCost(Number(1, 200), args is [_, _, .. string[] some] ? some : [], Console.Out, Console.Error).RunAsync(stop.Token);
            return 0;
        case "moves":
            await new MoveLatency(Number(1, 20), Console.Out, Console.Error).RunAsync(stop.Token);
            return 0;
        case "gates":
            await new GateNanoseconds(Number(1, 5), Console.Out, Console.Error).RunAsync(stop.Token);
            return 0;
        case "admission":
            await new AdmissionGain(Number(1, 5), Console.Out, Console.Error).RunAsync(stop.Token);
            return 0;
        case "cgi":
            await new CgiGain(Number(1, 15), Console.Out, Console.Error).RunAsync(stop.Token);
            return 0;
        case "rows":
            await new RowsProof(Number(1, 3), args is [_, _, .. string[] rows] ? rows : [], Console.Out, Console.Error).RunAsync(stop.Token);
            return 0;
        case "network":
            await new NetworkProof(Number(1, 5), args is [_, _, .. string[] chosen] ? chosen : [], Console.Out, Console.Error).RunAsync(stop.Token);
            return 0;
        case "siblings":
            await new SiblingCost(Number(1, 5), Console.Out, Console.Error).RunAsync(stop.Token);
            return 0;
        case "record":
            await new RecordCost(Number(1, 9), args is [_, _, .. string[] names] ? names : [], Console.Out, Console.Error).RunAsync(stop.Token);
            return 0;
        case "record-cost":
            await new SwitchedRecording(Number(1, 60), args is [_, _, .. string[] which] ? which : [], Console.Out, Console.Error).RunAsync(stop.Token);
            return 0;
        case "record-stranger":
            await new StrangerCost(Number(1, 9), Console.Out, Console.Error).RunAsync(stop.Token);
            return 0;
        case "record-rate":
            await new RecordRate(Number(1, 10), args is [_, _, .. string[] loads] ? loads : [], Console.Out, Console.Error).RunAsync(stop.Token);
            return 0;
        case "record-start":
            await new RecordStart(Number(1, 5), Console.Out, Console.Error).RunAsync(stop.Token);
            return 0;
        case "infer":
            await new InferSpeed(Number(1, 100), args is [_, _, .. string[] words] ? words : [], Console.Out, Console.Error).RunAsync(stop.Token);
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

int Number(int at, int otherwise) => args.Length > at ? int.Parse(args[at], CultureInfo.InvariantCulture) : otherwise;
