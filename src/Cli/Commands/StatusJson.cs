using System.Globalization;
using System.Text.Json;
using VirtualServices.Enforce;

namespace VirtualServices.Cli.Commands;

/// <summary>The document of <c>vs status --json</c>; its fields are described in docs/status.md.</summary>
internal static class StatusJson
{
    public static void Write(TextWriter output, EnforcementStatus status)
    {
        JsonText.WriteDocument(output, json =>
        {
            WriteState(json, status);
            JsonText.WriteList(json, "virtual_services", status.VirtualServices, vs =>
            {
                json.WriteString("name", vs.Name);
                json.WriteString("parent", vs.Parent);
                WriteCounts(json, vs.Own);
                json.WriteStartObject("total");
                WriteCounts(json, vs.Total);
                json.WriteEndObject();
                WriteShare(json, vs.Share);
            });
            WriteLimits(json, status);
            JsonText.WriteList(json, "use", status.Use, use =>
            {
                json.WriteString("vs", use.VirtualService);
                json.WriteString("service", use.Service);
                WriteCounts(json, use.Counts);
            });
            JsonText.WriteList(json, "gates", status.Gates, gate =>
            {
                json.WriteString("id", gate.Id);
                json.WriteNumber("hits", gate.Hits);
                json.WriteNumber("rebinds", gate.Rebinds);
                json.WriteNumber("unknown", gate.Unknown);
            });
            WriteAdmission(json, status);
            WriteNames(json, status.Names);
            WriteNetwork(json, status);
            WriteProcesses(json, status);
            JsonText.WriteList(json, "ended", status.Ended, charge =>
            {
                json.WriteNumber("pid", charge.Pid);
                json.WriteString("service", charge.Service);
                json.WriteString("vs", charge.VirtualService);
                json.WriteNumber("cpu_ns", charge.CpuNs);
            });
        });
    }

    /// <summary>The fields of counts, in an object that is open.</summary>
    internal static void WriteCounts(Utf8JsonWriter json, in UseCounts counts)
    {
        json.WriteNumber("cpu_ns", counts.CpuNs);
        json.WriteNumber("wait_ns", counts.WaitNs);
        json.WriteNumber("requests", counts.Requests);
        json.WriteNumber("unknown_requests", counts.UnknownRequests);
        json.WriteNumber("rebinds", counts.Rebinds);
        json.WriteNumber("processes", counts.Processes);
        json.WriteNumber("connections", counts.Connections);
    }

    private static void WriteNames(Utf8JsonWriter json, NameUse? names)
    {
        json.WritePropertyName("names");
        if (names is null)
        {
            json.WriteNullValue();
            return;
        }

        json.WriteStartObject();
        json.WriteNumber("known", names.Known);
        json.WriteNumber("without_rule", names.WithoutRule);
        json.WriteNumber("unseen", names.Unseen);
        json.WriteEndObject();
    }

    private static void WriteNetwork(Utf8JsonWriter json, EnforcementStatus status)
    {
        JsonText.WriteList(json, "network", status.Network, total =>
        {
            json.WriteString("vs", total.VirtualService);
            json.WriteNumber("bytes", total.Bytes);
            json.WriteNumber("packets", total.Packets);
            json.WriteNumber("dropped", total.Dropped);
        });
        JsonText.WriteList(json, "devices", status.Devices, device =>
        {
            json.WriteString("device", device.Device);
            json.WriteString("netns", device.NetworkNamespace);
            json.WriteNumber("bits_per_second", device.BitsPerSecond);
            json.WriteString("refusal", device.Refusal);
            JsonText.WriteList(json, "shares", device.Shares, share =>
            {
                json.WriteString("vs", share.VirtualService);
                json.WriteNumber("bits_per_second", share.BitsPerSecond);
                json.WriteNumber("max_bits_per_second", share.MaxBitsPerSecond);
                json.WriteNumber("bytes", share.Bytes);
                json.WriteNumber("packets", share.Packets);
                json.WriteNumber("drops", share.Drops);
                json.WriteNumber("backlog_bytes", share.BacklogBytes);
            });
        });
    }

    /// <summary>What is held and admitted, in an object that is open.</summary>
    internal static void WriteAdmission(Utf8JsonWriter json, EnforcementStatus status) =>
        JsonText.WriteList(json, "admission", status.Admission, use =>
        {
            json.WriteString("vs", use.VirtualService);
            json.WriteString("service", use.Service);
            json.WriteNumber("held", use.Held);
            json.WriteNumber("held_waiting", use.HeldWaiting);
            json.WriteNumber("admitted", use.Admitted);
            json.WriteNumber("waiting", use.Waiting);
            json.WriteNumber("in_service", use.InService);
            json.WriteNumber("requests", use.Requests);
            json.WriteNumber("delay_ns", use.DelayNs);
            json.WriteNumber("cpu_ns", use.CpuNs);
        });

    /// <summary>The list of limits, in an object that is open.</summary>
    internal static void WriteLimits(Utf8JsonWriter json, EnforcementStatus status) =>
        JsonText.WriteList(json, "limits", status.Limits, limit =>
        {
            json.WriteString("vs", limit.VirtualService);
            json.WriteString("what", limit.What);
            json.WriteNumber("used", limit.Used);
            json.WriteNumber("limit", limit.Limit);
            json.WriteNumber("hits", limit.Hits);
            json.WriteString("on_limit", limit.OnLimit);
        });

    private static void WriteShare(Utf8JsonWriter json, VirtualServiceShare? share)
    {
        if (share is null)
        {
            json.WriteNull("share");
            return;
        }

        json.WriteStartObject("share");
        json.WriteNumber("cpu_weight", share.Cpu.Weight);
        JsonText.WriteNumber(json, "cpu_max", share.Cpu.Max);
        json.WriteNumber("network_weight", share.Network.Weight);
        JsonText.WriteNumber(json, "network_assured", share.Network.AssuredBitsPerSecond);
        JsonText.WriteNumber(json, "network_max", share.Network.MaxBitsPerSecond);
        JsonText.WriteNumber(json, "limit_processes", share.Processes);
        JsonText.WriteNumber(json, "limit_sockets", share.Sockets);
        json.WriteEndObject();
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
                json.WriteBoolean("assigned", process.Membership is Membership.Assigned or Membership.OfAssigned);
                json.WriteNumber("cpu_ns", charge.CpuNs);
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
