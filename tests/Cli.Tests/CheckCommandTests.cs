using System.Text.Json;

namespace VirtualServices.Cli.Tests;

public sealed class CheckCommandTests : CommandTest
{
    [Fact]
    public void A_good_file_is_summed_up()
    {
        Assert.Equal((0, $"{RulesPath}: 3 virtual services, 1 service, 2 gates (0 approved, 2 proposed, 0 rejected): 0 errors, 0 warnings\n", ""), Vs("check", RulesPath));
    }

    [Fact]
    public void Errors_found_exit_with_1()
    {
        File.WriteAllText(RulesPath, Rules.Replace("{ name: acme }", "{ name: acme, cpu: { max: 60000 } }", StringComparison.Ordinal));
        (int code, string output, string error) = Vs("check", RulesPath);
        Assert.Equal((1, ""), (code, error));
        Assert.StartsWith($"{RulesPath}:4: error: virtual service 'acme': cpu max 60000 is above the machine's ", output, StringComparison.Ordinal);
        Assert.EndsWith(": 1 error, 0 warnings\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_broken_file_exits_with_3_and_all_errors()
    {
        File.WriteAllText(RulesPath, Rules.Replace("binds: process", "binds: all", StringComparison.Ordinal).Replace("name: other", "nam: other", StringComparison.Ordinal));
        (int code, string output, string error) = Vs("check", RulesPath);
        Assert.Equal((3, ""), (code, output));
        Assert.Equal(
            [5, 5, 15, 20],
            error.TrimEnd('\n').Split('\n').Select(line => int.Parse(line.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture)));
    }

    [Fact]
    public void Json_is_one_document()
    {
        Assert.Equal(0, Vs("approve", RulesPath, "--gate", "two", "--by", "ada").Code);
        File.WriteAllText(RulesPath, Text.Replace("classify: creator", "classify: acme", StringComparison.Ordinal));
        (int code, string output, _) = Vs("check", RulesPath, "--json");
        Assert.Equal(1, code);
        using var json = JsonDocument.Parse(output);
        Assert.False(json.RootElement.GetProperty("ok").GetBoolean());
        Assert.Equal(["proposed", "proposed"], json.RootElement.GetProperty("gates").EnumerateArray().Select(gate => gate.GetProperty("state").GetString()));
        JsonElement finding = Assert.Single(json.RootElement.GetProperty("findings").EnumerateArray());
        Assert.Equal("error", finding.GetProperty("severity").GetString());
        Assert.Equal("gate 'two'", finding.GetProperty("subject").GetString());
        Assert.Equal(20, finding.GetProperty("line").GetInt32());
    }

    [Fact]
    public void The_schema_is_printed_without_a_file()
    {
        (int code, string output, _) = Vs("check", "--schema");
        Assert.Equal((0, RuleSchema.Text), (code, output));
    }

    [Fact]
    public void A_file_that_is_not_there_is_bad_input() => Assert.Equal(3, Vs("check", RulesPath + "x").Code);
}
