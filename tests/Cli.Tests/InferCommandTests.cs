namespace VirtualServices.Cli.Tests;

public sealed class InferCommandTests : CommandTest
{
    private string At(string name) => Path.Combine(Folder, name);

    private string Session(string name, string virtualService)
    {
        File.WriteAllText(At(name + ".jsonl"), $"{{\"ts\":5,\"pid\":1,\"call\":\"recv\",\"conn\":\"{name}\",\"role\":\"server\",\"service\":\"web\",\"vs\":\"{virtualService}\",\"bytes\":3}}\n{{\"ts\":9,\"pid\":1,\"call\":\"send\",\"conn\":\"{name}\",\"bytes\":3}}\n");
        Assert.Equal(0, Vs("import", "events", At(name + ".jsonl"), "-o", At(name)).Code);
        return At(name);
    }

    [Fact]
    public void The_order_of_the_sessions_changes_no_result()
    {
        string[] sessions = [Session("one", "shop"), Session("two", "forum"), Session("three", "shop")];
        string[] outputs = [At("r.yaml"), At("l"), At("a"), At("p.html")];
        string[] Run(params string[] order)
        {
            Assert.Equal(0, Vs(["infer", .. order, "-o", outputs[0], "--links", outputs[1], "--attribution", outputs[2], "--report", outputs[3]]).Code);
            return [.. outputs.Select(File.ReadAllText)];
        }

        string[] results = Run(sessions);
        Assert.Equal(3, results[2].Count(c => c == '\n'));
        Assert.Equal(results, Run(sessions[2], sessions[0], sessions[1]));
        Assert.Equal(results, Run(sessions[1], sessions[2], sessions[0]));
    }

    [Fact]
    public void A_service_that_nobody_was_seen_to_ask_is_called_so()
    {
        File.WriteAllText(At("in.jsonl"), "{\"ts\":5,\"pid\":1,\"call\":\"send\",\"conn\":\"c\",\"role\":\"client\",\"service\":\"front\",\"bytes\":3}\n{\"ts\":6,\"pid\":2,\"call\":\"recv\",\"conn\":\"c\",\"role\":\"server\",\"service\":\"web\",\"bytes\":3}\n");
        Assert.Equal(0, Vs("import", "events", At("in.jsonl"), "-o", At("s")).Code);
        string[] lines = Vs("infer", At("s"), "-o", At("r.yaml")).Out.Split('\n');
        Assert.Contains("front: no connection to it was seen", lines);
        Assert.Contains("web: shared, how it serves connections is unknown", lines);
    }

    [Fact]
    public void A_report_into_a_folder_that_does_not_exist_is_a_usage_error()
    {
        (int code, _, string error) = Vs("infer", Session("s", "shop"), "-o", At("r.yaml"), "--report", At("nowhere/p.html"));
        Assert.Equal(2, code);
        Assert.Contains($"cannot write '{At("nowhere/p.html")}': the folder {At("nowhere")} does not exist\n", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(At("nowhere")));
    }

    [Theory]
    [InlineData("-o r.yaml --links r.yaml", "--links r.yaml: is the file of --output, too")]
    [InlineData("-o r.yaml --links new --attribution ./new", "--attribution ./new: is the file of --links, too")]
    [InlineData("-o r.yaml --links new --report folder/new", "--report folder/new: is the file of --links, too")]
    [InlineData("-o r.yaml --report s/session.json", "--report s/session.json: belongs to a session that is read")]
    [InlineData("-o s/events.nettrace", "--output s/events.nettrace: belongs to a session that is read")]
    [InlineData("-o r.yaml --links alias", "--links alias: belongs to a session that is read")]
    [InlineData("-o pipe", "--output pipe: is a folder or a device")]
    [InlineData("-o r.yaml --report s", "--report s: is a folder or a device")]
    public void Outputs_that_would_destroy_one_another_or_the_session_are_refused(string words, string sentence)
    {
        string session = Session("s", "shop");
        Directory.CreateSymbolicLink(At("folder"), Folder);
        File.CreateSymbolicLink(At("alias"), "s/session.json");

        // A pipe stands for every device: as root a test that fails would put a file in the place of /dev/null.
        using (var mkfifo = System.Diagnostics.Process.Start("mkfifo", [At("pipe")])) mkfifo.WaitForExit();
        byte[][] Contents() => [.. Directory.EnumerateFiles(session).Order().Select(File.ReadAllBytes)];
        byte[][] before = Contents();
        string[] names = [.. Directory.EnumerateFileSystemEntries(Folder).Order()];

        string[] typed = [.. words.Split(' ').Select(word => word.StartsWith('-') ? word : $"{Folder}/{word}")];
        (int code, string output, string error) = Vs(["infer", session, .. typed]);
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith($"vs: {sentence}", error.Replace($"{Folder}/", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Equal(before, Contents());
        Assert.Equal(names, Directory.EnumerateFileSystemEntries(Folder).Order());
    }

    [Fact]
    public void What_a_person_wrote_is_replaced_only_with_force()
    {
        string session = Session("s", "shop");
        (string Text, string Sentence)[] works =
        [
            ("version: 1\n", $"vs: '{At("r.yaml")}' was not written by vs infer: choose another name, or --force to replace it\n"),
            ("nonsense", $"vs: '{At("r.yaml")}' exists and is no rule file that can be read: choose another name, or --force to replace it\n"),
        ];
        foreach ((string text, string sentence) in works)
        {
            File.WriteAllText(At("r.yaml"), text);
            Assert.Equal((2, "", sentence), Vs("infer", session, "-o", At("r.yaml")));
            Assert.Equal(text, File.ReadAllText(At("r.yaml")));
        }

        Assert.Equal(0, Vs("infer", session, "-o", At("r.yaml"), "--force").Code);
        Assert.Equal(0, Vs("infer", session, "-o", At("r.yaml")).Code); // what it wrote itself is its own
    }
}
