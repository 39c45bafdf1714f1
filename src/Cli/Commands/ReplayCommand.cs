using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Spectre.Console;
using VirtualServices.Discover.Sessions;
using VirtualServices.Infer.Replays;
using VirtualServices.Model;
using VirtualServices.Rules;

namespace VirtualServices.Cli.Commands;

/// <summary><c>vs replay</c>: what a rule file would have charged to whom in a session.</summary>
internal static class ReplayCommand
{
    private const string Nobody = "(none: best effort)";

    public static Command Create(CommandContext context)
    {
        var rules = new Argument<string>("RULES") { Description = "The rule file; rejected gates are left out, proposed ones count as if approved" };
        var session = new Argument<string>("DIR") { Description = "The session folder" };
        var json = new Option<bool>("--json") { Description = "Print one JSON document" };
        var command = new VsCommand(
            "replay",
            "Applies rules to a session as the enforcer would have: how much of each shared service would have gone to whom, to none, and to the wrong one where the truth is known.",
            "vs replay rules.yaml session\nvs replay rules.yaml session --json")
        { rules, session, json };
        command.Run(result =>
        {
            RuleDocument document = RuleFile.Load(result.GetValue(rules)!);
            using SessionReader reader = SessionReader.Open(result.GetValue(session)!);
            ReplayResult replay = Replay.Run(document.Rules, reader);
            if (result.GetValue(json)) WriteJson(context.Out, replay);
            else WriteText(context, replay);
            return ExitCode.Done;
        });
        return command;
    }

    private static void WriteText(CommandContext context, ReplayResult replay)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumn("service").AddColumn("charged to");
        foreach (string column in (ReadOnlySpan<string>)["CPU", "requests", "bytes in", "bytes out"]) table.AddColumn(new TableColumn(column).RightAligned());
        foreach (ReplayService service in replay.Services)
        {
            foreach (ReplayPart part in service.Parts)
            {
                table.AddRow(
                    Markup.Escape(service.Name), Markup.Escape(part.VirtualService ?? Nobody), Invariant($"{part.CpuNs / 1e6:N1} ms"), Invariant($"{part.Requests:N0}"), Invariant($"{part.BytesIn:N0}"), Invariant($"{part.BytesOut:N0}"));
            }
        }

        context.Console.Write(table);
        foreach (ReplayService service in replay.Services.Where(service => service.Known.Requests > 0))
            context.Out.WriteLine(Invariant($"{service.Name}: {service.Wrong.Requests:N0} of {service.Known.Requests:N0} requests with known truth would be charged to the wrong virtual service"));
    }

    private static void WriteJson(TextWriter output, ReplayResult replay)
    {
        using MemoryStream bytes = new();
        using (Utf8JsonWriter json = new(bytes, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteStartArray("services");
            foreach (ReplayService service in replay.Services) Write(json, service);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        output.WriteLine(Encoding.UTF8.GetString(bytes.ToArray()));
    }

    private static void Write(Utf8JsonWriter json, ReplayService service)
    {
        json.WriteStartObject();
        json.WriteString("name", service.Name);
        json.WriteStartArray("charged");
        foreach (ReplayPart part in service.Parts)
        {
            json.WriteStartObject();
            json.WriteString("vs", part.VirtualService);
            json.WriteNumber("cpu_ns", part.CpuNs);
            json.WriteNumber("requests", part.Requests);
            json.WriteNumber("bytes_in", part.BytesIn);
            json.WriteNumber("bytes_out", part.BytesOut);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        foreach ((string name, ReplayTruth truth) in ((string, ReplayTruth)[])[("known", service.Known), ("wrong", service.Wrong)])
        {
            json.WriteStartObject(name);
            json.WriteNumber("requests", truth.Requests);
            json.WriteNumber("cpu_ns", truth.CpuNs);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
