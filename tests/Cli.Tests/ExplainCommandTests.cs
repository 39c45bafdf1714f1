using System.Text.Json;
using VirtualServices.Cli.Commands;
using VirtualServices.Enforce;
using VirtualServices.Enforce.Explaining;

namespace VirtualServices.Cli.Tests;

public sealed class ExplainCommandTests : CommandTest
{
    private static readonly ExplainStep Door = new(ExplainStepKind.FrontDoor, 20, "php\u001b[2J", "acme", new DateTimeOffset(2026, 1, 31, 10, 0, 0, TimeSpan.Zero), "", ["unit:web.service", "uid:33"], 0, "", "");
    private static readonly ProcessExplanation Client = new(20, "php\u001b[2J", ExplainVerdict.Governed, "acme", "", [Door]);

    private static readonly ProcessExplanation Backend = new(
        30,
        "postgres",
        ExplainVerdict.Governed,
        "acme",
        "db",
        [
            new ExplainStep(ExplainStepKind.Gate, 30, "postgres", "acme", new DateTimeOffset(2026, 1, 31, 10, 5, 0, TimeSpan.FromHours(1)), "db-receive", [], 20, "127.0.0.1:4000-127.0.0.1:5432", ""),
            Door,
        ]);

    [Fact]
    public void A_process_is_explained_a_line_a_reason() => Assert.Equal(
        """
        process 30 (postgres) (service db) works for acme
          gate db-receive bound it at 2026-01-31 09:05:00Z, asked by process 20 over 127.0.0.1:4000-127.0.0.1:5432
            process 20 (php?[2J) works for acme: front door unit:web.service, uid:33, found at 2026-01-31 10:00:00Z

        """.ReplaceLineEndings("\n"),
        Written((context, json) => ExplainCommand.Write(context, json, Backend)));

    [Fact]
    public void A_connection_is_explained_from_both_ends() => Assert.Equal(
        """
        tcp connection 127.0.0.1:4000 to 127.0.0.1:5432 of service db is for acme
          held: a request has waited on it for 3.3 ms; of the connections of acme 18 are held, 12 of them with a request, and 2 have a place
          asked by:
            process 20 (php?[2J) works for acme
              front door unit:web.service, uid:33, found at 2026-01-31 10:00:00Z
          served by: no process of this host
        tcp connection 127.0.0.1:4001 to 127.0.0.1:5432 of service db is for acme
          not held at this front door for the sake of php: no request waits on it, one is in hand
          asked by: no process of this host
          served by: no process of this host
        unix connection (unnamed) to /run/x of service db is for nobody who is known: best effort
          asked by: no process of this host
          served by: no process of this host

        """.ReplaceLineEndings("\n"),
        Written((context, json) => ExplainCommand.Write(context, json, Connections)));

    [Theory]
    [InlineData(ExplainStepKind.Assigned, "", 0, "assigned by 'vs assign' at 2026-01-31 10:00:00Z")]
    [InlineData(ExplainStepKind.Fork, "g", 5, "inherited at 2026-01-31 10:00:00Z from the process that made it, 5, bound by gate g (why)")]
    [InlineData(ExplainStepKind.Gate, "g", 0, "gate g bound it at 2026-01-31 10:00:00Z (why)")]
    [InlineData(ExplainStepKind.Service, "", 0, "process of a service unit:web.service, uid:33, found at 2026-01-31 10:00:00Z; no gate has bound it yet (why)")]
    [InlineData(ExplainStepKind.Released, "", 0, "given back by 'vs assign --none'; the enforcer has not looked at it yet (why)")]
    [InlineData(ExplainStepKind.NotGoverned, "", 0, "no rule (why)")]
    public void Each_kind_of_reason_has_its_sentence(ExplainStepKind kind, string gate, int other, string sentence)
    {
        ProcessExplanation process = Client with { Chain = [Door with { Kind = kind, Gate = gate, Other = other, Note = kind == ExplainStepKind.Assigned ? "" : "why" }] };
        Assert.Equal($"  {sentence}", Written((context, json) => ExplainCommand.Write(context, json, process)).Split('\n')[1]);
    }

    [Fact]
    public void Json_holds_the_same()
    {
        using JsonDocument process = JsonDocument.Parse(Written((context, json) => ExplainCommand.Write(context, json, Backend), json: true));
        Assert.Equal(("governed", "acme"), (process.RootElement.GetProperty("verdict").GetString(), process.RootElement.GetProperty("vs").GetString()));
        JsonElement[] chain = [.. process.RootElement.GetProperty("chain").EnumerateArray()];
        Assert.Equal(["gate", "front_door"], chain.Select(step => step.GetProperty("kind").GetString()));
        Assert.Equal((20, JsonValueKind.Null, "2026-01-31T09:05:00.000Z"), (chain[0].GetProperty("from_pid").GetInt32(), chain[1].GetProperty("from_pid").ValueKind, chain[0].GetProperty("at").GetString()));
        using JsonDocument connections = JsonDocument.Parse(Written((context, json) => ExplainCommand.Write(context, json, Connections), json: true));
        Assert.Equal(["governed", "governed", "best_effort"], connections.RootElement.GetProperty("connections").EnumerateArray().Select(one => one.GetProperty("verdict").GetString()));
        Assert.Equal(
            ["""{"held":true,"waits_ms":3.26,"in_hand":false,"at_door_of":"","connections_held":18,"connections_held_waiting":12,"connections_admitted":2}""", """{"held":false,"waits_ms":null,"in_hand":true,"at_door_of":"php","connections_held":0,"connections_held_waiting":0,"connections_admitted":0}""", "null"],
            connections.RootElement.GetProperty("connections").EnumerateArray().Select(one => JsonSerializer.Serialize(one.GetProperty("admission"))));
    }

    [Theory]
    [InlineData("0")]
    [InlineData("99999999999")]
    [InlineData("12x")]
    [InlineData("10.0.0.1")]
    [InlineData("1.2.3.4:5-")]
    [InlineData("")]
    public void What_names_nothing_is_a_usage_error(string subject)
    {
        (int code, string output, string error) = Vs("explain", subject);
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith($"vs: '{subject}' is not a process id, both ends of a connection", error, StringComparison.Ordinal);
    }

    private static IReadOnlyList<ConnectionExplanation> Connections =>
    [
        new("tcp", "127.0.0.1:4000", "127.0.0.1:5432", ExplainVerdict.Governed, "acme", "db", new ConnectionAdmission(true, TimeSpan.FromMilliseconds(3.26), false, "", new AdmissionUse("acme", "db", 18, 12, 2, 12, 1, 100, 1, 1)), [], [Client]),
        new("tcp", "127.0.0.1:4001", "127.0.0.1:5432", ExplainVerdict.Governed, "acme", "db", new ConnectionAdmission(false, null, true, "php", null), [], []),
        new("unix", "", "/run/x", ExplainVerdict.BestEffort, "", "db", null, [], []),
    ];

    private string Written(Action<CommandContext, bool> write, bool json = false)
    {
        using StringWriter output = new();
        write(new CommandContext(output, output, Terminal, TimeProvider.System, _ => null), json);
        return output.ToString();
    }
}
