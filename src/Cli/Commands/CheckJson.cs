using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using VirtualServices.Model;
using VirtualServices.Rules;

namespace VirtualServices.Cli.Commands;

/// <summary>The document of <c>vs check --json</c>.</summary>
internal static class CheckJson
{
    public static void Write(TextWriter output, RuleDocument document, IReadOnlyList<Finding> findings)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("file", document.Path);
            json.WriteBoolean("ok", findings.All(finding => finding.Severity != Severity.Error));
            json.WriteNumber("virtualServices", document.Rules.VirtualServices.Count);
            json.WriteNumber("services", document.Rules.Services.Count);
            json.WriteStartArray("gates");
            foreach (Gate gate in document.Rules.Gates)
            {
                json.WriteStartObject();
                json.WriteString("id", gate.Id);
                json.WriteNumber("line", document.LineOfGate(gate.Id));
                json.WriteString("state", Word(document.EffectiveState(gate)));
                json.WriteString("rule", GateSentence.Of(gate));
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteStartArray("findings");
            foreach (Finding finding in findings)
            {
                json.WriteStartObject();
                json.WriteString("severity", finding.Severity == Severity.Error ? "error" : "warning");
                json.WriteString("subject", finding.Subject);
                json.WriteNumber("line", finding.Line);
                json.WriteString("text", finding.Text);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        output.WriteLine(Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length));
    }

    private static string Word(GateState state) => state switch
    {
        GateState.Approved => "approved",
        GateState.Rejected => "rejected",
        _ => "proposed",
    };
}
