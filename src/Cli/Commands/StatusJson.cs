using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using VirtualServices.Enforce;

namespace VirtualServices.Cli.Commands;

/// <summary>The document of <c>vs status --json</c>; its fields are described in docs/status.md.</summary>
internal static class StatusJson
{
    public static void Write(TextWriter output, EnforcementStatus status)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            WriteState(json, status);
            WriteList(json, "virtual_services", status.VirtualServices, vs =>
            {
                json.WriteString("name", vs.Name);
                json.WriteNumber("cpu_ns", vs.CpuNs);
                json.WriteNumber("processes", vs.Processes);
                json.WriteNumber("connections", vs.Connections);
            });
            WriteList(json, "use", status.Use, use =>
            {
                json.WriteString("vs", use.VirtualService);
                json.WriteString("service", use.Service);
                json.WriteNumber("cpu_ns", use.CpuNs);
                json.WriteNumber("processes", use.Processes);
                json.WriteNumber("connections", use.Connections);
            });
            WriteList(json, "gates", status.Gates, gate =>
            {
                json.WriteString("id", gate.Id);
                json.WriteNumber("hits", gate.Hits);
                json.WriteNumber("rebinds", gate.Rebinds);
                json.WriteNumber("unknown", gate.Unknown);
            });
            WriteProcesses(json, status);
            WriteList(json, "ended", status.Ended, charge =>
            {
                json.WriteNumber("pid", charge.Pid);
                json.WriteString("service", charge.Service);
                json.WriteString("vs", charge.VirtualService);
                json.WriteNumber("cpu_ns", charge.CpuNs);
            });
            json.WriteEndObject();
        }

        output.WriteLine(Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length));
    }

    private static void WriteState(Utf8JsonWriter json, EnforcementStatus status)
    {
        json.WriteString("state", status.Enforcer.ToString().ToLowerInvariant());
        if (status.Enforcer == EnforcerState.Running) json.WriteNumber("enforcer_pid", status.EnforcerPid);
        else json.WriteNull("enforcer_pid");
        WriteTime(json, "since", status.Since);
        WriteTime(json, "heartbeat", status.Heartbeat);
        json.WriteBoolean("audit", status.Audit);
        json.WriteString("cpu_shares", status.CpuShares);
        json.WriteNumber("generation", status.Generation);
        json.WriteStartObject("mover");
        json.WriteNumber("moved", status.Mover.Moved);
        json.WriteNumber("reconciled", status.Mover.Reconciled);
        json.WriteNumber("gone", status.Mover.Gone);
        json.WriteNumber("failed", status.Mover.Failed);
        json.WriteNumber("p50_ns", status.Mover.P50Ns);
        json.WriteNumber("p99_ns", status.Mover.P99Ns);
        json.WriteNumber("max_ns", status.Mover.MaxNs);
        json.WriteString("last_error", status.Mover.LastError);
        json.WriteEndObject();
    }

    // One entry per process and virtual service that was charged: a re-bound process has several, the present one says so.
    private static void WriteProcesses(Utf8JsonWriter json, EnforcementStatus status)
    {
        json.WriteStartArray("processes");
        foreach (ProcessUse process in status.Processes)
            foreach (ProcessCharge charge in process.Charged)
            {
                json.WriteStartObject();
                json.WriteNumber("pid", process.Pid);
                json.WriteString("comm", process.Comm);
                json.WriteString("service", process.Service);
                json.WriteString("vs", charge.VirtualService);
                json.WriteBoolean("present", charge.VirtualService == process.VirtualService);
                json.WriteString("gate", process.Gate);
                json.WriteNumber("cpu_ns", charge.CpuNs);
                json.WriteEndObject();
            }

        json.WriteEndArray();
    }

    private static void WriteList<T>(Utf8JsonWriter json, string name, IReadOnlyList<T> items, Action<T> write)
    {
        json.WriteStartArray(name);
        foreach (T item in items)
        {
            json.WriteStartObject();
            write(item);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteTime(Utf8JsonWriter json, string name, DateTimeOffset? time)
    {
        if (time is { } at) json.WriteString(name, at.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture));
        else json.WriteNull(name);
    }
}
