using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Spectre.Console;
using VirtualServices.Discover.Sessions;
using VirtualServices.Infer.Replays;
using VirtualServices.Model;
using VirtualServices.Rules;

namespace VirtualServices.Cli.Commands;

/// <summary><c>vs replay</c>: what rules would have charged to whom.</summary>
internal static class ReplayCommand
{
    private const double NsPerMs = 1e6;

    public static Command Create(CommandContext context)
    {
        var rules = new Argument<string>("RULES") { Description = "The rule file" }.Path();
        var folder = new Argument<string>("DIR") { Description = "The session folder" }.Path();
        var json = new Option<bool>("--json") { Description = "Print one JSON document" };
        var command = new VsCommand(
            "replay",
            "Applies the gates of a rule file, except rejected ones, to a session: how much of each shared service would go to each virtual service, to none, and to the wrong one where the truth is known.",
            "vs replay rules.yaml session")
        { rules, folder, json };
        command.Run(result => Run(result.GetValue(rules)!, result.GetValue(folder)!, result.GetValue(json), context));
        return command;
    }

    internal static ExitCode Run(string rules, string folder, bool json, CommandContext context)
    {
        RuleDocument document = RuleFile.Load(rules);
        RuleSet applied = document.Rules with { Gates = [.. document.Rules.Gates.Where(gate => document.EffectiveState(gate) != GateState.Rejected)] };
        using ProgressSource source = new(SessionReader.Open(folder), $"replaying {folder}", context);
        ReplayResult result = Replay.Run(applied, source);
        IReadOnlyList<ReplayWarning> warnings = ReplayWarning.Find(document, result, source.Info);
        foreach (ReplayWarning warning in warnings) context.Error.WriteLine(Invariant($"{document.Path}:{warning.Line}: warning: {warning.Subject}: {warning.Text}"));
        if (json) WriteJson(context.Out, result, source.Truncated, warnings);
        else WriteText(context, result, source.Truncated);
        return ExitCode.Done;
    }

    private static void WriteText(CommandContext context, ReplayResult result, bool truncated)
    {
        if (truncated) context.Out.WriteLine("The recording was cut: what follows is what came before the cut.");
        Table table = new Table().Border(TableBorder.Simple).AddColumns("service", "virtual service");
        foreach (string column in (ReadOnlySpan<string>)["CPU ms", "CPU", "requests", "bytes in", "bytes out"]) table.AddColumn(new TableColumn(column).RightAligned());
        foreach (ReplayService service in result.Services)
        {
            double all = Math.Max(1, service.Parts.Sum(part => (double)part.CpuNs));
            foreach (ReplayPart part in service.Parts)
                table.AddRow(Markup.Escape(service.Name), Markup.Escape(part.VirtualService ?? "(none)"), Invariant($"{part.CpuNs / NsPerMs:N1}"), Invariant($"{part.CpuNs / all:P1}"), Invariant($"{part.Requests:N0}"), Invariant($"{part.BytesIn:N0}"), Invariant($"{part.BytesOut:N0}"));
        }

        context.Console.Write(table);
        foreach (ReplayService service in result.Services.Where(s => s.Known.Requests > 0))
            context.Out.WriteLine(Invariant($"{service.Name}: the truth is known of {service.Known.Requests:N0} requests; {service.Wrong.Requests:N0} went to the wrong virtual service ({service.Wrong.CpuNs / NsPerMs:N1} ms)"));
    }

    private static void WriteJson(TextWriter output, ReplayResult result, bool truncated, IReadOnlyList<ReplayWarning> warnings)
    {
        using MemoryStream memory = new();
        using (Utf8JsonWriter json = new(memory, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteBoolean("truncated", truncated);
            json.WriteStartArray("services");
            foreach (ReplayService service in result.Services)
            {
                json.WriteStartObject();
                json.WriteString("name", service.Name);
                json.WriteStartArray("parts");
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
                WriteTruth("known", service.Known);
                WriteTruth("wrong", service.Wrong);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteStartArray("warnings");
            foreach (ReplayWarning warning in warnings)
            {
                json.WriteStartObject();
                json.WriteString("service", warning.Service);
                json.WriteString("vs", warning.VirtualService);
                json.WriteString("gate", warning.Gate);
                json.WriteNumber("line", warning.Line);
                json.WriteString("text", warning.Text);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();

            void WriteTruth(string name, ReplayTruth truth)
            {
                json.WriteStartObject(name);
                json.WriteNumber("requests", truth.Requests);
                json.WriteNumber("cpu_ns", truth.CpuNs);
                json.WriteEndObject();
            }
        }

        output.WriteLine(System.Text.Encoding.UTF8.GetString(memory.GetBuffer(), 0, (int)memory.Length));
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
