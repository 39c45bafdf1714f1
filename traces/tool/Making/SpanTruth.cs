using System.Diagnostics;
using System.Globalization;
using VirtualServices.Discover.Import.Dotnet;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model.Sessions;
using VirtualServices.Traces.Load;
using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Making;

/// <summary>Spans that .NET services write of themselves (EventPipe), and what they say of the ways of requests.</summary>
/// <param name="folder">Where the files go.</param>
internal sealed class SpanTruth(string folder)
{
    private const string Providers = "System.Net.Http:FFFFFFFF:5,Microsoft-AspNetCore-Server-Kestrel:FFFFFFFF:5,System.Threading.Tasks.TplEventSource:80:4," +
        "Microsoft-Diagnostics-DiagnosticSource:2:5:FilterAndPayloadSpecs=\"[AS]*:-Id;ParentId;Kind;Tags=TagObjects.*Enumerate\"";

    private readonly List<string> _files = [];

    /// <summary>Environment of a service that writes its spans. Without the socket of diagnostics, whose traffic has nothing to do with what is recorded.</summary>
    public IEnumerable<string> Settings(string service)
    {
        string file = Path.Combine(folder, $"{service}.nettrace");
        _files.Add(file);
        return ["DOTNET_EnableEventPipe=1", $"DOTNET_EventPipeOutputPath={file}", "DOTNET_EventPipeOutputStreaming=1", $"DOTNET_EventPipeConfig={Providers}", "DOTNET_EnableDiagnostics_IPC=0"];
    }

    /// <summary>The second service and the database were asked these for the load's requests.</summary>
    /// <param name="truth">What the load says of its requests.</param>
    /// <param name="frontPort">Port of the front end.</param>
    /// <param name="backPort">Port of the second service.</param>
    /// <param name="cancel">Ends it.</param>
    public IReadOnlyList<Hop> Hops(IReadOnlyList<TruthLine> truth, int frontPort, int backPort, CancellationToken cancel)
    {
        // Both runtimes and we tell the time by CLOCK_MONOTONIC; UTC is in their files to the millisecond only.
        long utcOffset = LoadConnection.UtcNs - (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));
        string session = Path.Combine(folder, "spans");
        NettraceImport.Run(_files, session, null, cancel);
        List<Step> steps = Read(session, utcOffset);

        // A connection asks once at a time: what the load was answered is what it was the last to ask.
        Step[] received = [.. steps.Where(step => step.Event.Call == CallKind.Receive && step.Socket.Role == SocketRole.Server)];
        ILookup<string, Step> fronts = received.Where(step => step.Socket.Local.Port == frontPort).ToLookup(step => step.Socket.Remote.ToString(), StringComparer.Ordinal);
        ILookup<string, Step> backs = received.Where(step => step.Socket.Local.Port == backPort).ToLookup(step => step.Socket.Connection, StringComparer.Ordinal);
        Dictionary<ulong, Hop> requests = truth.Select(line => line.Hop).OfType<Hop>().ToDictionary(hop => fronts[hop.Remote!].Last(step => step.UtcNs <= hop.UtcNs).Event.Request);
        Dictionary<string, int> sent = [];
        List<Hop> hops = [];
        foreach (Step step in steps.Where(step => step.Event.Call == CallKind.Send && step.Socket.Role == SocketRole.Client))
        {
            int number = sent[step.Socket.Connection] = sent.GetValueOrDefault(step.Socket.Connection, -1) + 1;
            if (!requests.TryGetValue(step.Event.Request, out Hop? request)) continue; // from before the recording
            if (step.Socket.Remote.Port == backPort)
            {
                Step there = backs[step.Socket.Connection].ElementAt(number);
                hops.Add(new Hop(request.Request, request.Tenant, "stock", there.UtcNs, there.Socket.Local.ToString(), there.Socket.Remote.ToString()));
            }
            else
            {
                // Npgsql names its connections by the server's processes.
                int pid = int.Parse(step.Socket.Connection.AsSpan(step.Socket.Connection.LastIndexOf('-') + 1), CultureInfo.InvariantCulture);
                Step answer = steps.First(later => later.UtcNs >= step.UtcNs && later.Event.Call == CallKind.Receive && later.Socket == step.Socket);
                hops.Add(new Hop(request.Request, request.Tenant, "postgres", answer.UtcNs, Pid: pid, FromUtcNs: step.UtcNs));
            }
        }

        return hops;
    }

    private static List<Step> Read(string session, long utcOffset)
    {
        using SessionReader reader = SessionReader.Open(session);
        Dictionary<ulong, SocketDescription> sockets = [];
        List<Step> steps = [];
        SessionEvent[] buffer = new SessionEvent[256];
        for (int count; (count = reader.Read(buffer)) > 0;)
        {
            foreach (SessionEvent e in buffer.AsSpan(0, count))
            {
                if (e.Call == CallKind.Describe) sockets[e.Socket] = reader.Descriptions[e.Child];
                else if (e.Call is CallKind.Receive or CallKind.Send && sockets.TryGetValue(e.Socket, out SocketDescription? socket)) steps.Add(new Step(e, socket, e.TimeNs + utcOffset));
            }
        }

        return steps;
    }

    /// <summary>Something that was received or sent.</summary>
    private sealed record Step(SessionEvent Event, SocketDescription Socket, long UtcNs);
}
