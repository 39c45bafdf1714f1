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
        Assert.Equal(["arms", "charged_right", "aggressor_keeps", "holds", "promises", "session", "rules", "report"], Keys(root));
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
        Assert.Equal(["at_equal_speed", "raw"], Keys(root.GetProperty("aggressor_keeps")));
        Assert.All(root.GetProperty("aggressor_keeps").EnumerateObject(), one => Assert.Equal(JsonValueKind.Null, one.Value.ValueKind));
        Assert.Equal((0.9925, false), (root.GetProperty("charged_right").GetDouble(), root.GetProperty("holds").GetBoolean()));
        Assert.Equal([(true, "one"), (false, "two")], root.GetProperty("promises").EnumerateArray().Select(one => (one.GetProperty("holds").GetBoolean(), one.GetProperty("text").GetString())));
        Assert.Equal(("/d/session", "/d/rules.yaml", "/d/report.html"), (root.GetProperty("session").GetString(), root.GetProperty("rules").GetString(), root.GetProperty("report").GetString()));
    }

    [Fact]
    public void Both_ratios_of_the_aggressor_are_told_and_the_one_at_equal_speed_is_judged()
    {
        // A third fewer while the machine was a third slower: nothing was taken from the aggressor.
        ArmResult alone = Arm(ArmResult.Alone, 100, 1), cgroups = Arm(ArmResult.Cgroups, 600, 1), shared = Arm(ArmResult.VirtualServices, 400, 400 / 600.0);
        DemoReport report = new([alone, cgroups, shared], 1, Promise.Examine(alone, cgroups, shared, 1), "/d");
        using StringWriter output = new(), text = new();
        report.WriteJson(output);
        using JsonDocument document = JsonDocument.Parse(output.ToString());
        JsonElement keeps = document.RootElement.GetProperty("aggressor_keeps");
        Assert.Equal((1.0, 0.6667), (keeps.GetProperty("at_equal_speed").GetDouble(), keeps.GetProperty("raw").GetDouble()));
        report.WriteText(text);
        Assert.Contains("holds   the aggressor keeps 100.0% of its rate under cgroups alone (at equal speed of the machine; raw 66.7%), promised at least 90%\n", text.ToString(), StringComparison.Ordinal);

        static ArmResult Arm(string name, int rate, double speed)
        {
            ArmResult arm = new(name, 100);
            arm.Victim.Add(Enumerable.Repeat(new Transaction(From, 7.5), 100), From, From.AddSeconds(1), speed);
            arm.Aggressor.Add(Enumerable.Repeat(new Transaction(From, 7.5), rate), From, From.AddSeconds(1), speed);
            return arm;
        }
    }

    private static IEnumerable<string> Keys(JsonElement element) => element.EnumerateObject().Select(member => member.Name);

    private static DemoReport Report(bool first, bool second)
    {
        ArmResult alone = new(ArmResult.Alone, 100);
        alone.Victim.Add(Enumerable.Repeat(new Transaction(From, 7.5), 20), From, From.AddSeconds(1), 1);
        return new DemoReport([alone, new(ArmResult.Cgroups, 100), new(ArmResult.VirtualServices, 100)], 0.99251, [new(first, "one"), new(second, "two")], "/d");
    }
}
