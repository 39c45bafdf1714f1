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
    public void A_capture_becomes_a_session_that_other_commands_read()
    {
        const string Client = "0a000001", Server = "0a000002", Ports = "9c400050", PortsBack = "00509c40";
        string file = "d4c3b2a1 02000400 00000000 00000000 ffff0000 65000000" // pcap, raw IP
            + Packet(Client, Server, Ports, 1, "02", "") + Packet(Server, Client, PortsBack, 1, "12", "") + Packet(Client, Server, Ports, 2, "10", "616263") + Packet(Server, Client, PortsBack, 2, "10", "6465")
            + "09000000 00000000 04000000 04000000 10000000"; // neither IPv4 nor IPv6
        string capture = Path.Combine(Folder, "packets.pcap"), session = Path.Combine(Folder, "session"), links = Path.Combine(Folder, "links.jsonl");
        File.WriteAllBytes(capture, Convert.FromHexString(file.Replace(" ", "", StringComparison.Ordinal)));
        (int code, string output, string error) = Vs("import", "pcap", capture, "-o", session);
        Assert.Equal((0, "", $"imported 6 events to {session}, 0 lost by their source\nnot used: 1 packets that are not IP\n"), (code, output, error));
        Assert.Contains("10.0.0.2-80", Vs("show", session).Out, StringComparison.Ordinal);
        Assert.Equal(0, Vs("infer", session, "-o", Path.Combine(Folder, "new.yaml"), "--links", links).Code);
        Assert.Equal("{\"conn\":\"10.0.0.1:40000-10.0.0.2:80#1\",\"ts\":1000000000,\"service\":\"10.0.0.1\",\"parent\":null,\"confidence\":0}\n", File.ReadAllText(links));

        static string Packet(string from, string to, string ports, int sequence, string flags, string payload)
        {
            int bytes = 40 + (payload.Length / 2);
            string length = Convert.ToHexString(BitConverter.GetBytes(bytes));
            return $"01000000 00000000 {length} {length} 4500{bytes:x4} 00000000 40060000 {from} {to} {ports} {sequence:x8} 00000000 50{flags}0000 00000000 {payload}";
        }
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

    [Theory]
    [InlineData("events")]
    [InlineData("strace")]
    [InlineData("perf")]
    public void A_file_with_nothing_in_it_is_named(string format)
    {
        string input = Put("empty", "");
        (int code, _, string error) = Vs("import", format, input, "-o", Path.Combine(Folder, "session"));
        Assert.Equal((3, $"{input}: nothing that was read is an event, expected what 'vs import {format}' reads: is the format the right one?\n"), (code, error));
        Assert.False(Directory.Exists(Path.Combine(Folder, "session")));
    }

    [Fact]
    public void Of_many_files_with_nothing_in_them_some_are_named()
    {
        string[] inputs = [.. Enumerable.Range(0, 5).Select(i => Put($"empty{i}", ""))];
        Assert.StartsWith($"{inputs[0]}, {inputs[1]}, {inputs[2]} and 2 more: nothing", Vs(["import", "events", .. inputs, "-o", Path.Combine(Folder, "session")]).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_compressed_file_that_was_cut_is_refused_with_its_name_and_the_line_reached()
    {
        string input = Path.Combine(Folder, "in.jsonl.gz"), session = Path.Combine(Folder, "session");
        using (System.IO.Compression.GZipStream zip = new(File.Create(input), System.IO.Compression.CompressionLevel.NoCompression))
            zip.Write(System.Text.Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 10).Select(i => $"{{\"ts\":{i},\"pid\":1,\"call\":\"exit\"}}\n"))));
        byte[] whole = File.ReadAllBytes(input);
        File.WriteAllBytes(input, whole[..^4]); // all lines are there, the sums are not
        (int code, string output, string error) = Vs("import", "events", input, "-o", session);
        Assert.Equal((3, "", $"{input}:11: expected more of the compressed file: it ends too early, or is damaged, here or somewhat later (gzip -t tells)\n"), (code, output, error));
        Assert.False(Directory.Exists(session));
    }

    [Theory]
    [InlineData("See: vs import events --help\n", "import", "events", "-o", "session")]
    [InlineData("See: vs import --help\n", "import", "letters", "x")]
    public void Wrong_words_point_to_the_help_of_the_whole_command(string said, params string[] args)
    {
        (int code, _, string error) = Vs(args);
        Assert.Equal(2, code);
        Assert.EndsWith($"\n{said}", error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_session_calls_itself_does_not_steer_the_terminal()
    {
        string session = Path.Combine(Folder, "session"), file = Path.Combine(session, "session.json");
        Assert.Equal(0, Vs("import", "events", Put("in.jsonl", "{\"ts\":5,\"pid\":1,\"call\":\"exit\",\"service\":\"web\"}\n"), "-o", session).Code);
        string text = File.ReadAllText(file);
        foreach (string value in (string[])["\"host\": \"", "\"kernel\": \"", "\"id\": \"", "\"source\": \"", "\"level\": \"", "\"service\": \"", "\"name\": \""])
        {
            Assert.Contains(value, text, StringComparison.Ordinal);
            text = text.Replace(value, value + "\\u001b[31m", StringComparison.Ordinal);
        }

        File.WriteAllText(file, text);
        (int code, string output, string error) = Vs("show", session);
        Assert.Equal((0, ""), (code, error));
        Assert.DoesNotContain('\u001b', output);
        Assert.Contains("(Linux ?[31m", output, StringComparison.Ordinal);
        Assert.Contains("?[31mweb", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("events")]
    [InlineData("strace")]
    [InlineData("perf")]
    [InlineData("pcap")]
    public void A_folder_is_no_file(string format)
    {
        (int code, _, string error) = Vs("import", format, Folder, "-o", Path.Combine(Folder, "session"));
        Assert.Equal((3, $"{Folder}: expected a file, this is a folder\n"), (code, error));
    }

    [Theory]
    [InlineData("session.json", "expected a session description: this is a folder, a pipe or a device")]
    [InlineData("events.nettrace", "expected the session's events: this is a folder, a pipe or a device")]
    public void A_session_whose_file_is_a_folder_is_bad_input(string file, string expected)
    {
        string session = Path.Combine(Folder, "session"), path = Path.Combine(session, file);
        Assert.Equal(0, Vs("import", "events", Put("in.jsonl", "{\"ts\":5,\"pid\":1,\"call\":\"exit\"}\n"), "-o", session).Code);
        File.Delete(path);
        Directory.CreateDirectory(path);
        (int code, _, string error) = Vs("show", session);
        Assert.Equal((3, $"{path}: {expected}\n"), (code, error));
    }

    [Fact]
    public void Binary_text_that_looks_like_a_call_is_no_strace_output()
    {
        string input = Put("garbage.bin", "\u0001\u0002\nx(\u0003\n\u0004\n");
        string session = Path.Combine(Folder, "session");
        (int code, _, string error) = Vs("import", "strace", input, "-o", session);
        Assert.Equal(3, code);
        Assert.StartsWith($"{input}:3: expected output of strace", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(session));
    }
}
