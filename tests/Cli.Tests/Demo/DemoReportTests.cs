using System.Text.Json;
using VirtualServices.Cli.Commands;
using VirtualServices.Cli.Demo;

namespace VirtualServices.Cli.Tests.Demo;

/// <summary>What a demo says in the end, without one.</summary>
public sealed class DemoReportTests
{
    private static readonly DateTime From = new(2030, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    [Theory]
    [InlineData(true, true, ExitCode.Done)]
    [InlineData(true, false, ExitCode.DoesNotHold)]
    [InlineData(false, false, ExitCode.DoesNotHold)]
    public void A_broken_promise_exits_with_1(bool first, bool second, ExitCode code)
    {
        foreach (bool json in (bool[])[false, true])
        {
            using StringWriter output = new();
            Assert.Equal(code, DemoCommand.Conclude(Report(first, second), json, output));
            if (!json) Assert.Contains($"{(first ? "holds " : "BROKEN")}  one\n{(second ? "holds " : "BROKEN")}  two\n", output.ToString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_document_has_every_figure_and_null_for_what_was_not_measured()
    {
        using StringWriter output = new();
        DemoCommand.Conclude(Report(true, false), json: true, output);
        using JsonDocument document = JsonDocument.Parse(output.ToString());
        JsonElement root = document.RootElement;
        Assert.Equal(["arms", "charged_right", "holds", "promises", "session", "rules", "report"], Keys(root));
        JsonElement[] arms = [.. root.GetProperty("arms").EnumerateArray()];
        Assert.Equal(["alone", "cgroups", "virtual-services"], arms.Select(arm => arm.GetProperty("name").GetString()));
        foreach (JsonElement arm in arms)
        {
            Assert.Equal(["name", "victim", "aggressor"], Keys(arm));
            Assert.Equal(["p50_ms", "p99_ms", "rate", "target_rate", "transactions"], Keys(arm.GetProperty("victim")));
            Assert.Equal(["rate", "rate_at_equal_speed"], Keys(arm.GetProperty("aggressor")));
        }

        JsonElement victim = arms[0].GetProperty("victim");
        Assert.Equal((7.5, 7.5, 20.0, 100, 20), (victim.GetProperty("p50_ms").GetDouble(), victim.GetProperty("p99_ms").GetDouble(), victim.GetProperty("rate").GetDouble(), victim.GetProperty("target_rate").GetInt32(), victim.GetProperty("transactions").GetInt32()));
        Assert.Equal(JsonValueKind.Null, arms[1].GetProperty("victim").GetProperty("p99_ms").ValueKind);
        Assert.Equal((0.9925, false), (root.GetProperty("charged_right").GetDouble(), root.GetProperty("holds").GetBoolean()));
        Assert.Equal([(true, "one"), (false, "two")], root.GetProperty("promises").EnumerateArray().Select(one => (one.GetProperty("holds").GetBoolean(), one.GetProperty("text").GetString())));
        Assert.Equal(("/d/session", "/d/rules.yaml", "/d/report.html"), (root.GetProperty("session").GetString(), root.GetProperty("rules").GetString(), root.GetProperty("report").GetString()));
    }

    private static IEnumerable<string> Keys(JsonElement element) => element.EnumerateObject().Select(member => member.Name);

    private static DemoReport Report(bool first, bool second)
    {
        ArmResult alone = new(ArmResult.Alone, 100);
        alone.Victim.Add(Enumerable.Repeat(new Transaction(From, 7.5), 20), From, From.AddSeconds(1), 1);
        return new DemoReport([alone, new(ArmResult.Cgroups, 100), new(ArmResult.VirtualServices, 100)], 0.99251, [new(first, "one"), new(second, "two")], "/d");
    }
}
