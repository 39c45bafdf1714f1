using System.CommandLine;
using System.Globalization;
using VirtualServices.Discover.Import;
using VirtualServices.Discover.Import.Dotnet;
using VirtualServices.Discover.Import.Pcap;
using VirtualServices.Discover.Import.Perf;
using VirtualServices.Discover.Import.Strace;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Cli.Commands;

/// <summary><c>vs import</c>: makes a session of somebody else's recording. One line in <see cref="Formats"/> per format.</summary>
internal static class ImportCommand
{
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(2);

    private static readonly (string Name, string Description, string Example, Func<IReadOnlyList<string>, string, Action<long>, CancellationToken, ImportResult> Run)[] Formats =
    [
        (
            "events",
            "Makes a session of neutral events: JSON Lines with ts, pid, call, conn and so on, sorted by ts within each host; .gz allowed, - is standard input. Several files are merged by time.",
            "vs import events frontend.jsonl.gz database.jsonl.gz -o session",
            EventsImport.Run),
        (
            "strace",
            "Makes a session of strace output: -f -ttt -yy -T says most, everything else is read as far as it goes. One file of all threads (-f), or one file per thread (-ff -o NAME).",
            "strace -f -ttt -yy -T -o trace.txt -p 1234\nvs import strace trace.txt -o session\nvs import strace trace.* -o session",
            StraceImport.Run),
        (
            "perf",
            "Makes a session of the text that perf script prints of syscalls:* and sched:* tracepoints. perf shows no addresses; connections are followed by their descriptors.",
            "perf record -e 'syscalls:*,sched:*' -p 1234 -- sleep 10\nperf script -F comm,pid,tid,cpu,time,event,trace > perf.txt\nvs import perf perf.txt -o session",
            PerfImport.Run),
        (
            "pcap",
            "Makes a session of packet captures (pcap, pcapng), merged by time: connections, turns, names of hosts. Packets do not say which process sent them: each host that answers, by its name in DNS answers or else its address, is a service.",
            "tcpdump -i any -s 128 -w packets.pcap tcp or udp\nvs import pcap packets.pcap -o session",
            PcapImport.Run),
        (
            "nettrace",
            "Makes a session of nettrace files: EventPipe of .NET services (spans of ASP.NET Core, HttpClient and Npgsql become requests and calls, and which call works for which request is known), or system calls of dotnet-trace collect-linux. Several files are processes of one host, merged by time.",
            "dotnet-trace collect -p 1234 --rundown false -o web.nettrace --providers 'Microsoft-Diagnostics-DiagnosticSource:0x2:5:FilterAndPayloadSpecs=\"[AS]*:-Id;ParentId;Kind;Tags=TagObjects.*Enumerate\",System.Net.Http:0xffffffff:5,Microsoft-AspNetCore-Server-Kestrel:0xffffffff:5,System.Threading.Tasks.TplEventSource:0x80:4'\nvs import nettrace web.nettrace stock.nettrace -o session",
            NettraceImport.Run),
    ];

    public static Command Create(CommandContext context)
    {
        var command = new VsCommand("import", "Makes a session of somebody else's recording.", "vs import events recording.jsonl.gz -o session");
        foreach (var format in Formats)
        {
            var files = new Argument<string[]>("FILE") { Description = "Files to read", Arity = ArgumentArity.OneOrMore }.Path();
            var output = new Option<string>("--output", "-o") { Description = "Session folder to make", Required = true }.Path();
            var one = new VsCommand(format.Name, format.Description, format.Example) { files, output };
            one.Run(result =>
            {
                string folder = result.GetValue(output)!;
                long said = context.Clock.GetTimestamp();
                ImportResult done = format.Run(result.GetValue(files)!, folder, Say, context.Cancellation);
                context.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"imported {done.Events:N0} events to {folder}, {done.Lost:N0} lost by their source"));
                foreach (SourceCount unused in done.Unused) context.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"not used: {unused.Unused:N0} {unused.Source}"));
                return ExitCode.Done;

                void Say(long events)
                {
                    if (context.Clock.GetElapsedTime(said) < ProgressInterval) return;
                    said = context.Clock.GetTimestamp();
                    context.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"importing: {events:N0} events"));
                }
            });
            command.Add(one);
        }

        return command;
    }
}
