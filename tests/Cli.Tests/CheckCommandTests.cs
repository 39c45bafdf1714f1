using System.Text.Json;
using VirtualServices.Cli.Commands;
using VirtualServices.Enforce;
using VirtualServices.Linux.Processes;

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
        int cpus = OnlineCpus.Count();
        Assert.StartsWith($"{RulesPath}:4: error: virtual service 'acme': cpu max 60000 is above the machine's {cpus} CPUs, expected at most {cpus}\n", output, StringComparison.Ordinal);
        Assert.EndsWith(": 1 error, 0 warnings\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_enforcing_would_refuse_is_a_warning_here_and_exit_code_3_there()
    {
        File.WriteAllText(RulesPath, Rules
            .Replace("on: fork,", "on: receive, when: { listen: unix//run/x.sock },", StringComparison.Ordinal)
            .Replace("{ name: other }", "{ name: other, frontDoors: [ { unit: no-such-unit-anywhere.service } ], network: { max: 5mbit } }", StringComparison.Ordinal));
        string network = "a network share needs a device: ";
        string unit = "unit no-such-unit-anywhere.service is not known to this host: ";

        // A gate that nobody approved is not enforced and no reason there; whoever is about to approve it should know.
        string[] unapproved = Vs("check", RulesPath).Out.Split('\n');
        Assert.StartsWith($"{RulesPath}:5: warning: virtual service 'other': vs enforce would refuse this: {network}", unapproved[0], StringComparison.Ordinal);
        Assert.StartsWith($"{RulesPath}:5: warning: virtual service 'other': vs enforce would refuse this: {unit}", unapproved[1], StringComparison.Ordinal);
        Assert.StartsWith($"{RulesPath}:20: warning: gate 'two': vs enforce would refuse this once it is approved: who made the socket", unapproved[2], StringComparison.Ordinal);
        Assert.Contains("2 gates (0 approved, 2 proposed, 0 rejected): 0 errors, 3 warnings", unapproved[3], StringComparison.Ordinal);
        Assert.Equal(2, Vs("enforce", RulesPath).Error.TrimEnd('\n').Split('\n').Length);

        Assert.Equal(0, Vs("approve", RulesPath, "--gate", "two", "--by", "ada").Code);
        (int checkedCode, string output, _) = Vs("check", RulesPath);
        Assert.Equal(0, checkedCode);
        Assert.Contains($"\n{RulesPath}:20: warning: gate 'two': vs enforce would refuse this: ", output, StringComparison.Ordinal);

        (int code, string nothing, string error) = Vs("enforce", RulesPath);
        Assert.Equal((3, ""), (code, nothing));
        string[] lines = error.TrimEnd('\n').Split('\n');
        Assert.StartsWith($"{RulesPath}:5: virtual service 'other': {network}", lines[0], StringComparison.Ordinal);
        Assert.StartsWith($"{RulesPath}:5: virtual service 'other': {unit}", lines[1], StringComparison.Ordinal);
        Assert.StartsWith($"{RulesPath}:20: gate 'two': ", lines[2], StringComparison.Ordinal);
    }

    [Fact]
    public void A_refusal_is_told_at_the_line_of_what_is_refused()
    {
        File.WriteAllText(RulesPath, """
            version: 1
            virtualServices:
              - name: acme
                cpu: { weight: 5 }
                frontDoors:
                  - { uid: 12345 }
                  - unit: no-such-front-door.service
                limits:
                  sockets: 5
                  processes: 3
                  onLimit: best-effort
                network:
                  max: 5mbit
            services:
              - name: postgres
                match:
                  - listen: tcp/5432
                  - { unit: no-such-server.service }
              - name: single
                match:
                  unit: no-such-single.service
            gates:
              - id: one
                service: postgres
                on: receive
                when: { listen: unix//run/x.sock }
                classify: creator
                binds: process
                state: proposed
                review: { by: "", at: "", note: "", digest: "" }
              - id: two
                service: postgres
                on: receive
                classify: requester
                binds: request
                state: proposed
                review: { by: "", at: "", note: "", digest: "" }

            """);
        (string Line, string Text)[] expected =
        [
            ("7", "unit no-such-front-door.service"), ("13", "a network share"), ("18", "unit no-such-server.service"), ("21", "unit no-such-single.service"),
            ("27", "who made the socket"), ("35", "'binds: request'"),
        ];
        Check(string.Join('\n', Vs("check", RulesPath).Out.Split('\n').Where(line => line.Contains("vs enforce would refuse this", StringComparison.Ordinal))));
        Assert.Equal(0, Vs("approve", RulesPath, "--all", "--by", "ada").Code);
        (int code, _, string error) = Vs("enforce", RulesPath);
        Assert.Equal(3, code);
        Check(error);

        void Check(string said)
        {
            string[] lines = said.TrimEnd('\n').Split('\n');
            Assert.Equal(expected.Length, lines.Length);
            foreach (((string line, string text), string found) in expected.Zip(lines))
            {
                Assert.StartsWith($"{RulesPath}:{line}: ", found, StringComparison.Ordinal);
                Assert.Contains($": {text}", found, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void What_the_host_lacks_is_told_of_each_gate_with_its_line()
    {
        Refusal[] refusals = [new(RefusedPart.Gate, "two", "no"), new(RefusedPart.Gate, "one", "not here"), new(RefusedPart.VirtualService, "other", "neither")];
        VsException refused = Assert.Throws<VsException>(() => EnforceFindings.RefuseHost(RuleFile.Load(RulesPath), refusals));
        Assert.Equal(ExitCode.HostLacks, refused.ExitCode);
        Assert.Equal(
            $"this host cannot enforce these rules, nothing was changed:\n{RulesPath}:5: virtual service 'other': neither\n{RulesPath}:10: gate 'one': not here\n{RulesPath}:20: gate 'two': no",
            refused.Message);
        EnforceFindings.RefuseHost(RuleFile.Load(RulesPath), []);
    }

    [Fact]
    public void Errors_of_gates_that_are_not_approved_do_not_keep_the_others_from_being_enforced()
    {
        // The unknown unit keeps this test from enforcing anything.
        string unit = "frontDoors: [ { unit: no-such-unit-anywhere.service } ]";
        File.WriteAllText(RulesPath, Rules.Replace("classify: creator", "classify: requester", StringComparison.Ordinal).Replace("{ name: other }", $"{{ name: other, {unit} }}", StringComparison.Ordinal));
        Assert.Equal(0, Vs("approve", RulesPath, "--gate", "one", "--by", "ada").Code);
        Assert.Equal(1, Vs("check", RulesPath).Code);
        (int code, _, string error) = Vs("enforce", RulesPath);
        Assert.Equal(3, code);
        string[] lines = error.TrimEnd('\n').Split('\n');
        Assert.Equal(2, lines.Length);
        Assert.StartsWith($"{RulesPath}:20: warning: gate 'two' is not approved and not enforced: nobody is asking at fork", lines[0], StringComparison.Ordinal);
        Assert.StartsWith($"{RulesPath}:5: virtual service 'other': unit no-such-unit-anywhere.service", lines[1], StringComparison.Ordinal);

        // Once it is approved, or says so, it is in the way.
        Assert.Equal(0, Vs("approve", RulesPath, "--gate", "two", "--by", "ada").Code);
        Assert.StartsWith($"{RulesPath}:20: gate 'two': nobody is asking at fork", Vs("enforce", RulesPath).Error, StringComparison.Ordinal);
        File.WriteAllText(RulesPath, Text.Replace("on: fork, classify: requester", "on: fork, classify: creator", StringComparison.Ordinal));
        Assert.StartsWith($"{RulesPath}:20: gate 'two': was edited after its approval", Vs("enforce", RulesPath).Error, StringComparison.Ordinal);
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
