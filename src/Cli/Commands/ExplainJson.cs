using System.Globalization;
using System.Text.Json;
using VirtualServices.Enforce.Explaining;

namespace VirtualServices.Cli.Commands;

/// <summary>The documents of <c>vs explain --json</c>; docs/watching.md describes the fields.</summary>
internal static class ExplainJson
{
    public static void Write(Utf8JsonWriter json, ProcessExplanation process)
    {
        json.WriteNumber("pid", process.Pid);
        json.WriteString("comm", process.Comm);
        json.WriteString("verdict", Word(process.Verdict.ToString()));
        json.WriteString("vs", process.VirtualService);
        json.WriteString("service", process.Service);
        JsonText.WriteList(json, "chain", process.Chain, step =>
        {
            json.WriteString("kind", Word(step.Kind.ToString()));
            json.WriteNumber("pid", step.Pid);
            json.WriteString("comm", step.Comm);
            json.WriteString("vs", step.VirtualService);
            if (step.At is { } at) json.WriteString("at", at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture));
            else json.WriteNull("at");
            json.WriteString("gate", step.Gate);
            json.WriteStartArray("selectors");
            foreach (string selector in step.Selectors) json.WriteStringValue(selector);
            json.WriteEndArray();
            if (step.Other != 0) json.WriteNumber("from_pid", step.Other);
            else json.WriteNull("from_pid");
            json.WriteString("connection", step.Connection);
            json.WriteString("note", step.Note);
        });
    }

    public static void Write(Utf8JsonWriter json, ConnectionExplanation connection)
    {
        json.WriteString("protocol", connection.Protocol);
        json.WriteString("client", connection.Client);
        json.WriteString("server", connection.Server);
        json.WriteString("verdict", Word(connection.Verdict.ToString()));
        json.WriteString("vs", connection.VirtualService);
        json.WriteString("service", connection.Service);
        json.WritePropertyName("admission");
        if (connection.Admission is { } admission) Write(json, admission);
        else json.WriteNullValue();
        JsonText.WriteList(json, "asked_by", connection.ClientProcesses, process => Write(json, process));
        JsonText.WriteList(json, "served_by", connection.ServerProcesses, process => Write(json, process));
    }

    private static void Write(Utf8JsonWriter json, ConnectionAdmission admission)
    {
        json.WriteStartObject();
        json.WriteBoolean("held", admission.Held);
        if (admission.Waits is { } waits) json.WriteNumber("waits_ms", Math.Round(waits.TotalMilliseconds, 3));
        else json.WriteNull("waits_ms");
        json.WriteBoolean("in_hand", admission.InHand);
        json.WriteString("at_door_of", admission.AtDoor);
        json.WriteNumber("connections_held", admission.Use?.Held ?? 0);
        json.WriteNumber("connections_held_waiting", admission.Use?.HeldWaiting ?? 0);
        json.WriteNumber("connections_admitted", admission.Use?.Admitted ?? 0);
        json.WriteEndObject();
    }

    // FrontDoor -> front_door
    private static string Word(string name) => string.Concat(name.Select((c, i) => char.IsUpper(c) ? (i > 0 ? "_" : "") + char.ToLowerInvariant(c) : c.ToString()));
}
