namespace VirtualServices.Cli.Tests;

public sealed class ImportCommandTests : CommandTest
{
    private string Put(string name, string text)
    {
        string path = Path.Combine(Folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    [Fact]
    public void Events_become_a_session_that_other_commands_read()
    {
        string session = Path.Combine(Folder, "session");
        string input = Put("in.jsonl", "{\"ts\":5,\"pid\":1,\"call\":\"recv\",\"conn\":\"c\",\"role\":\"server\",\"service\":\"web\",\"vs\":\"shop\",\"bytes\":3}\n{\"ts\":9,\"pid\":1,\"call\":\"send\",\"conn\":\"c\",\"bytes\":3}\n");
        (int code, string output, string error) = Vs("import", "events", input, "-o", session);
        Assert.Equal((0, "", $"imported 2 events to {session}, 0 lost by their source\n"), (code, output, error));
        string attribution = Path.Combine(Folder, "a.jsonl");
        Assert.Equal(0, Vs("infer", session, "-o", Path.Combine(Folder, "new.yaml"), "--attribution", attribution).Code);
        Assert.Equal("{\"conn\":\"c\",\"ts\":5,\"service\":\"web\",\"vs\":\"shop\",\"confidence\":1}\n", File.ReadAllText(attribution));
    }

    [Fact]
    public void A_bad_line_exits_with_3_and_its_place()
    {
        string input = Put("in.jsonl", "{\"ts\":5,\"pid\":1,\"call\":\"exit\"}\n{\"ts\":6,\"pid\":\"one\",\"call\":\"exit\"}\n");
        (int code, _, string error) = Vs("import", "events", input, "-o", Path.Combine(Folder, "session"));
        Assert.Equal((3, $"{input}:2: field 'pid': expected a whole number from 1 to 2147483647\n"), (code, error));
        Assert.Equal(3, Vs("import", "events", Path.Combine(Folder, "absent"), "-o", Path.Combine(Folder, "session")).Code);
        Assert.Equal(2, Vs("import", "events", "-o", Path.Combine(Folder, "session")).Code);
        Assert.Equal(2, Vs("import", "letters", input, "-o", Path.Combine(Folder, "session")).Code);
        Assert.False(Directory.Exists(Path.Combine(Folder, "session")));
    }
}
