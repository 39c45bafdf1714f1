using System.CommandLine;
using System.Text.Json;
using Spectre.Console;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Cli.Commands;

/// <summary><c>vs show</c>: what a session holds.</summary>
internal static class ShowCommand
{
    public static Command Create(CommandContext context)
    {
        var folder = new Argument<string?>("DIR") { Description = "The session folder", Arity = ArgumentArity.ZeroOrOne }.Path();
        var json = new Option<bool>("--json") { Description = "Print one JSON document" };
        var schema = new Option<bool>("--schema") { Description = "Print the JSON Schema of session.json instead" };
        var command = new VsCommand("show", "Shows a session: services, processes, counts, losses, duration, and whether it was cut.", "vs show session\nvs show session --json\nvs show --schema")
        { folder, json, schema };
        command.Run(result =>
        {
            if (!result.GetValue(schema)) return Run(result.GetValue(folder) ?? throw new VsException(ExitCode.Usage, "name a session folder: vs show DIR"), result.GetValue(json), context);
            context.Out.Write(SessionSchema.Text);
            return ExitCode.Done;
        });
        return command;
    }

    internal static ExitCode Run(string folder, bool json, CommandContext context)
    {
        using SessionReader reader = SessionReader.Open(folder);
        SessionSummary summary = SessionSummary.Of(reader);
        if (json) WriteJson(context.Out, reader.Info, summary);
        else WriteText(context, reader.Info, summary);
        return ExitCode.Done;
    }

    private static void WriteText(CommandContext context, SessionInfo info, SessionSummary summary)
    {
        TextWriter output = context.Out;
        output.WriteLine(Invariant($"session {Clean(info.Id)} of {Clean(info.Host)} (Linux {Clean(info.Kernel)}), {Clean(info.Source)}, level {Clean(info.Level)}"));
        output.WriteLine(Invariant($"{Start(info):yyyy-MM-dd HH:mm:ss} UTC, {summary.DurationNs / 1e9:F1} s, {summary.Total:N0} events, {summary.Lost:N0} lost"));
        output.WriteLine(Invariant($"{info.Processes.Count:N0} processes, {info.Sockets.Count:N0} sockets at the start, {summary.Sockets:N0} seen since"));
        if (info.Packets is { } packets) WritePackets(output, info, packets);
        if (summary.Truncated) output.WriteLine("The recording was cut: what follows is what came before the cut.");
        Table services = new Table().Border(TableBorder.Simple).AddColumn("service");
        foreach (string column in (ReadOnlySpan<string>)["processes", "calls", "received", "sent", "accepted", "connected"]) services.AddColumn(new TableColumn(column).RightAligned());
        foreach (ServiceSummary service in summary.Services)
            services.AddRow([Markup.Escape(Clean(service.Name)), .. new[] { service.Processes, service.Events, service.ReceivedBytes, service.SentBytes, service.Accepted, service.Connected }.Select(number => Invariant($"{number:N0}"))]);
        context.Console.Write(services);
        output.WriteLine(string.Join(", ", summary.Events.Select(kind => Invariant($"{Name(kind.Key)} {kind.Value:N0}"))));
        foreach (SourceCount count in info.Counts.Where(count => count.Lost > 0)) output.WriteLine(Invariant($"lost at {Clean(count.Source)}: {count.Lost:N0}"));
        foreach (SourceCount count in info.Counts.Where(count => count.Unused > 0)) output.WriteLine(Invariant($"not used: {count.Unused:N0} {Clean(count.Source)}"));
    }

    private static void WritePackets(TextWriter output, SessionInfo info, PacketsInfo packets)
    {
        string kept = info.EndedCleanly ? Invariant($"{Kept(info):N0} packets of") : "packets of";
        output.WriteLine(Invariant($"{kept} {Clean(string.Join(", ", packets.Interfaces))}, {info.LostPackets():N0} lost, {(packets.PayloadBytes > 0 ? Invariant($"with up to {packets.PayloadBytes:N0} bytes of payload") : "headers only")}"));
        foreach (PacketInterface one in packets.Interfaces.Where(one => one.Dropped > 0)) output.WriteLine(Invariant($"lost on {Clean(one.ToString())}: {one.Dropped:N0} in the kernel"));
        foreach (PacketInterface one in packets.Interfaces.Where(one => one.Failure.Length > 0)) output.WriteLine(Invariant($"packets of {Clean(one.ToString())} end early: {Clean(one.Failure)}"));
    }

    private static long Kept(SessionInfo info) => info.Counts.Where(count => count.Source == PacketsInfo.Source).Sum(count => count.Events);

    private static void WriteJson(TextWriter output, SessionInfo info, SessionSummary summary)
    {
        using MemoryStream memory = new();
        using (Utf8JsonWriter json = new(memory, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("id", info.Id);
            json.WriteString("host", info.Host);
            json.WriteString("kernel", info.Kernel);
            json.WriteString("source", info.Source);
            json.WriteString("level", info.Level);
            json.WriteString("start", Start(info));
            json.WriteNumber("duration_s", summary.DurationNs / 1e9);
            json.WriteBoolean("truncated", summary.Truncated);
            json.WriteNumber("events", summary.Total);
            json.WriteNumber("lost", summary.Lost);
            json.WriteNumber("processes", info.Processes.Count);
            json.WriteNumber("sockets_at_start", info.Sockets.Count);
            json.WriteNumber("sockets_seen", summary.Sockets);
            if (info.Packets is { } packets)
            {
                json.WriteStartObject("packets");
                json.WriteNumber("kept", Kept(info));
                json.WriteNumber("lost", info.LostPackets());
                json.WriteNumber("payload_bytes", packets.PayloadBytes);
                json.WriteStartArray("interfaces");
                foreach (PacketInterface one in packets.Interfaces)
                {
                    json.WriteStartObject();
                    json.WriteString("name", one.ToString());
                    json.WriteNumber("received", one.Received);
                    json.WriteNumber("dropped", one.Dropped);
                    json.WriteString("failure", one.Failure);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteStartObject("calls");
            foreach ((CallKind kind, long count) in summary.Events) json.WriteNumber(Name(kind), count);
            json.WriteEndObject();
            json.WriteStartArray("services");
            foreach (ServiceSummary service in summary.Services)
            {
                json.WriteStartObject();
                json.WriteString("name", service.Name);
                json.WriteNumber("processes", service.Processes);
                json.WriteNumber("events", service.Events);
                json.WriteNumber("received_bytes", service.ReceivedBytes);
                json.WriteNumber("sent_bytes", service.SentBytes);
                json.WriteNumber("accepted", service.Accepted);
                json.WriteNumber("connected", service.Connected);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteStartArray("counts");
            foreach (SourceCount count in info.Counts)
            {
                json.WriteStartObject();
                json.WriteString("source", count.Source);
                json.WriteNumber("events", count.Events);
                json.WriteNumber("lost", count.Lost);
                json.WriteNumber("unused", count.Unused);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        output.WriteLine(System.Text.Encoding.UTF8.GetString(memory.ToArray()));
    }

    // A session of another hand may claim any time: what no calendar has is shown as its beginning.
    private static DateTime Start(SessionInfo info)
    {
        const long EndOfYear9999 = 253_402_300_799;
        long seconds = (info.Clock.StartNs / 1_000_000_000) + (info.Clock.UtcOffsetNs / 1_000_000_000);
        return DateTime.UnixEpoch.AddSeconds(Math.Clamp(seconds, 0, EndOfYear9999));
    }

    private static string Name(CallKind kind) => kind switch
    {
        CallKind.Receive => "recv",
        _ => kind.ToString().ToLowerInvariant(),
    };

    // Whoever made the session chose these texts.
    private static string Clean(string text) => Printable.Text(text);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
