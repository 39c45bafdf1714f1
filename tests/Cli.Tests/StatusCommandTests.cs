using System.Text.Json;
using VirtualServices.Cli.Commands;
using VirtualServices.Enforce;

namespace VirtualServices.Cli.Tests;

public sealed class StatusCommandTests : CommandTest
{
    private static readonly UseCounts Shop = new(2_500_000_000, 2, 3, 500_000_000, 40, 0, Rebinds: 6), Own = new(1_000_000_000, 1, 0);

    private static readonly EnforcementStatus Status = EnforcementStatus.Nothing with
    {
        Enforcer = EnforcerState.Running,
        EnforcerPid = 4711,
        Since = new DateTimeOffset(2026, 1, 31, 9, 0, 0, TimeSpan.Zero),
        CpuShares = "cgroup v2",
        Generation = 3,
        VirtualServices = [new VirtualServiceUse("acme", "", Own, Own + Shop, null), new VirtualServiceUse("acme-shop", "acme", Shop, Shop, new VirtualServiceShare(new CpuShare(200, 1.5), new NetworkShare(100, null, 300_000_000), 20, null))],
        Use = [new ServiceUse("", "db", new UseCounts(0, 0, 1)), new ServiceUse("acme", "", Own), new ServiceUse("acme-shop", "db", Shop)],
        Admission = [new AdmissionUse("acme-shop", "db", 48, 47, 2, 49, 1, 40, 20_000_000, 2)],
        Names = new NameUse(7, 2, 1),
        Network = [new NetworkTotal("acme", 70_000, 60, 5)],
        Devices = [new DeviceUse("eth0", "shop", 1_000_000_000, "", [new DeviceShareUse("acme", 1_000_000, 2_000_000, 60_000, 50, 3, 9)])],
        Limits = [new LimitUse("acme", "processes", 21, 20, 3, "best-effort"), new LimitUse("acme", "sockets", 198, 200, 12, "errno:EAGAIN")],
        Processes = [new ProcessUse(7, "s\u001bh", "", "acme", "", 5, [new ProcessCharge(7, "", "acme", 5)], Membership.Assigned), new ProcessUse(8, "postgres", "db", "acme-shop", "g", 6, [new ProcessCharge(8, "db", "acme-shop", 6)])],
    };

    [Fact]
    public void The_text_has_what_parents_inherit_and_what_a_person_assigned()
    {
        string[] lines = Written(Status).Split('\n');
        Assert.Equal(["enforcer: running (pid 4711)", "since 2026-01-31 09:00:00Z, rule set 3, CPU shares: cgroup v2"], lines[..2]);
        Assert.Contains("assigned by 'vs assign': 7 (s?h) to acme", lines);
        string[][] rows = [.. lines.Where(line => line.StartsWith('│')).Select(line => line.Trim('│').Split('│', StringSplitOptions.TrimEntries)).Where(cells => cells.Length == 8 && cells[2].Contains('.', StringComparison.Ordinal))];
        Assert.Equal(
            ["(unknown) db 0.00 0.00 0 0 0 1", "acme (front 1.00 0.00 0 0 1 0", "acme-shop db 2.50 0.50 40 6 2 3", "acme acme-shop 3.50 0.50 40 6 3 3"],
            rows.Select(cells => string.Join(' ', cells)));
        Assert.Contains(lines, line => string.Join(' ', line.Split('│', StringSplitOptions.TrimEntries)) == " acme processes 21 20 3 best-effort ");
        Assert.Contains(lines, line => string.Join(' ', line.Split('│', StringSplitOptions.TrimEntries)) == " acme sockets 198 200 12 errno:EAGAIN ");
        Assert.Contains(lines, line => string.Join(' ', line.Split('│', StringSplitOptions.TrimEntries)) == " acme-shop db 48 47 2 0.50 ");
        Assert.DoesNotContain("parent, in all", Written(Status with { VirtualServices = [Status.VirtualServices[0]] }), StringComparison.Ordinal);
    }

    [Fact]
    public void A_start_that_was_cut_short_has_no_times()
    {
        string[] lines = Written(Status with { Enforcer = EnforcerState.Dead, EnforcerPid = 0, Since = null, Heartbeat = null }).Split('\n');
        Assert.Equal(["an enforcer was ended while it started: gates are not complete, nothing is moved; run 'vs enforce RULES' or 'vs stop'", "rule set 3, CPU shares: cgroup v2"], lines[..2]);
        Assert.StartsWith("enforcer: dead since 2026-01-31 09:00:00Z: ", Written(Status with { Enforcer = EnforcerState.Dead, Heartbeat = Status.Since }), StringComparison.Ordinal);
    }

    [Fact]
    public void Names_are_told_where_a_rule_has_one()
    {
        Assert.Contains("\nnames asked for: 7 of front doors, 2 that no front door has, 1 that cannot be seen\n", Written(Status), StringComparison.Ordinal);
        Assert.DoesNotContain("names asked for", Written(Status with { Names = null }), StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_enforced_is_one_line() => Assert.Equal("nothing is enforced\n", Written(EnforcementStatus.Nothing));

    [Fact]
    public void Json_has_own_counts_totals_and_shares()
    {
        using StringWriter output = new();
        StatusJson.Write(output, Status);
        using JsonDocument document = JsonDocument.Parse(output.ToString());
        JsonElement[] all = [.. document.RootElement.GetProperty("virtual_services").EnumerateArray()];
        Assert.Equal((1_000_000_000L, 3_500_000_000L, 3L), (all[0].GetProperty("cpu_ns").GetInt64(), all[0].GetProperty("total").GetProperty("cpu_ns").GetInt64(), all[0].GetProperty("total").GetProperty("processes").GetInt64()));
        Assert.Equal(JsonValueKind.Null, all[0].GetProperty("share").ValueKind);
        JsonElement share = all[1].GetProperty("share");
        Assert.Equal((200, 1.5, 300_000_000L, 20), (share.GetProperty("cpu_weight").GetInt32(), share.GetProperty("cpu_max").GetDouble(), share.GetProperty("network_max").GetInt64(), share.GetProperty("limit_processes").GetInt32()));
        Assert.Equal((JsonValueKind.Null, "acme"), (share.GetProperty("network_assured").ValueKind, all[1].GetProperty("parent").GetString()));
        Assert.Equal((40L, 500_000_000L), (all[1].GetProperty("requests").GetInt64(), all[1].GetProperty("wait_ns").GetInt64()));
        Assert.Equal(["""{"vs":"acme","what":"processes","used":21,"limit":20,"hits":3,"on_limit":"best-effort"}""", """{"vs":"acme","what":"sockets","used":198,"limit":200,"hits":12,"on_limit":"errno:EAGAIN"}"""], document.RootElement.GetProperty("limits").EnumerateArray().Select(limit => JsonSerializer.Serialize(limit)));
        Assert.Equal("""{"vs":"acme-shop","service":"db","held":48,"held_waiting":47,"admitted":2,"waiting":49,"in_service":1,"requests":40,"delay_ns":20000000,"cpu_ns":2}""", JsonSerializer.Serialize(Assert.Single(document.RootElement.GetProperty("admission").EnumerateArray())));
        Assert.Equal("""{"known":7,"without_rule":2,"unseen":1}""", JsonSerializer.Serialize(document.RootElement.GetProperty("names")));
        Assert.Equal("""{"vs":"acme","bytes":70000,"packets":60,"dropped":5}""", JsonSerializer.Serialize(Assert.Single(document.RootElement.GetProperty("network").EnumerateArray())));
        Assert.Equal(
            """{"device":"eth0","netns":"shop","bits_per_second":1000000000,"refusal":"","shares":[{"vs":"acme","bits_per_second":1000000,"max_bits_per_second":2000000,"bytes":60000,"packets":50,"drops":3,"backlog_bytes":9}]}""",
            JsonSerializer.Serialize(Assert.Single(document.RootElement.GetProperty("devices").EnumerateArray())));
        Assert.Equal([true, false], document.RootElement.GetProperty("processes").EnumerateArray().Select(process => process.GetProperty("assigned").GetBoolean()));
    }

    private string Written(EnforcementStatus status)
    {
        using StringWriter output = new();
        StatusCommand.WriteText(new CommandContext(output, output, Terminal, TimeProvider.System, _ => null), status);
        return output.ToString();
    }
}
