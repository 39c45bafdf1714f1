using System.Text.Json;

namespace VirtualServices.Cli.Tests;

/// <summary>A recording that was killed after its last event was written: its files look whole, and only the description of the session tells. Every command that reads it says so.</summary>
public sealed class CutRecordingTests : CommandTest
{
    private string Session(string name, int pid, bool cut)
    {
        string input = Path.Combine(Folder, $"{name}.jsonl"), session = Path.Combine(Folder, name), file = Path.Combine(session, "session.json");
        File.WriteAllText(input, $"{{\"ts\":5,\"pid\":{pid},\"call\":\"recv\",\"conn\":\"c\",\"role\":\"server\",\"service\":\"postgres\",\"bytes\":3}}\n");
        Assert.Equal(0, Vs("import", "events", input, "-o", session).Code);

        // vs record needs root and a kernel: what it leaves differs in this.
        string text = File.ReadAllText(file).Replace("\"import-events\"", "\"record\"", StringComparison.Ordinal);
        Assert.Contains("\"endedCleanly\": true", text, StringComparison.Ordinal);
        File.WriteAllText(file, cut ? text.Replace("\"endedCleanly\": true", "\"endedCleanly\": false", StringComparison.Ordinal) : text);
        return session;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Show_says_it(bool cut)
    {
        string session = Session("one", 1, cut);
        Assert.Equal(cut, Vs("show", session).Out.Contains("The recording was cut: what follows is what came before the cut.\n", StringComparison.Ordinal));
        using var json = JsonDocument.Parse(Vs("show", session, "--json").Out);
        Assert.Equal(cut, json.RootElement.GetProperty("truncated").GetBoolean());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Replay_says_it(bool cut)
    {
        string session = Session("one", 1, cut);
        Assert.Equal(cut, Vs("replay", RulesPath, session).Out.StartsWith("The recording was cut: what follows is what came before the cut.\n", StringComparison.Ordinal));
        using var json = JsonDocument.Parse(Vs("replay", RulesPath, session, "--json").Out);
        Assert.Equal(cut, json.RootElement.GetProperty("truncated").GetBoolean());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Infer_says_it(bool cut) =>
        Assert.Equal(cut, Vs("infer", Session("one", 1, cut), "-o", Path.Combine(Folder, "new.yaml")).Out.Contains(": it did not end cleanly: what came after the cut is missing\n", StringComparison.Ordinal));

    [Fact]
    public void Join_names_each_part_that_was_cut_and_its_session_is_a_cut_one()
    {
        string one = Session("one", 1, cut: true), two = Session("two", 2, cut: false), three = Session("three", 3, cut: true), joined = Path.Combine(Folder, "joined");
        (int code, string output, string error) = Vs("join", one, two, three, "-o", joined);
        Assert.Equal((0, ""), (code, output));
        Assert.Equal([one, three], error.Split('\n').Where(line => line.EndsWith(" was cut: of it, what came before the cut is joined", StringComparison.Ordinal)).Select(line => line.Split(' ')[0]));
        Assert.Contains("The recording was cut", Vs("show", joined).Out, StringComparison.Ordinal);

        (_, _, error) = Vs("join", two, Session("four", 4, cut: false), "-o", Path.Combine(Folder, "whole"));
        Assert.DoesNotContain("cut", error, StringComparison.Ordinal);
        Assert.DoesNotContain("cut", Vs("show", Path.Combine(Folder, "whole")).Out, StringComparison.Ordinal);
    }
}
