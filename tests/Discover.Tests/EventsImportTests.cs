using System.IO.Compression;
using System.Text;
using CsCheck;
using VirtualServices.Discover.Import;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Tests;

public sealed class EventsImportTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vs-import-tests-");
    private int _sessions;

    public void Dispose() => _folder.Delete(recursive: true);

    private const string Call = """
        {"host":"web","pid":7,"tid":8,"comm":"nginx","service":"front","conn":"c1","role":"server","proto":"tcp","local":"10.0.0.1:80","remote":"10.9.9.9:1000","bytes":30,"ts":100,"call":"recv","vs":"shop","cpu_ns":5,"more":{"deep":[1,{"x":2}]}}
        {"host":"web","pid":7,"conn":"c2","call":"connect","ts":110}
        {"host":"web","pid":7,"conn":"c2","call":"send","ts":120,"bytes":10}
        {"host":"db","pid":7,"conn":"c2","call":"accept","ts":121,"comm":"postgres"}
        {"host":"db","pid":7,"conn":"c2","call":"recv","ts":130,"bytes":10}

        {"host":"db","pid":7,"conn":"c2","call":"close","ts":140}
        {"host":"db","pid":7,"conn":"c2","role":"server","call":"recv","ts":150,"bytes":3}
        {"host":"db","pid":7,"tid":7,"call":"fork","child":9,"ts":160}
        {"host":"db","pid":9,"conn":"c2","role":"server","call":"send","ts":170,"bytes":3}
        """;

    private string Import(params string[] texts) => Import([.. texts.Select(text => Encoding.UTF8.GetBytes(text))]);

    private string Import(byte[][] files)
    {
        string folder = Path.Combine(_folder.FullName, $"s{_sessions++}");
        LineFile[] lines = [.. files.Select((bytes, i) => LineFile.Open(new MemoryStream(bytes), $"f{i}"))];
        EventsImport.Run(lines, folder, null, CancellationToken.None);
        return folder;
    }

    private static List<SessionEvent> Read(string folder, out SessionInfo info, out List<SocketDescription> sockets)
    {
        using SessionReader reader = SessionReader.Open(folder);
        List<SessionEvent> events = [];
        sockets = [];
        SessionEvent[] buffer = new SessionEvent[100];
        for (int count; (count = reader.Read(buffer)) > 0;)
        {
            events.AddRange(buffer.AsSpan(0, count));
            foreach (SessionEvent e in buffer.AsSpan(0, count))
                if (e.Call == CallKind.Describe) sockets.Add(reader.Descriptions[e.Child]);
        }

        info = reader.Info;
        return events;
    }

    [Fact]
    public void Fields_arrive_in_the_session()
    {
        List<SessionEvent> events = Read(Import(Call), out SessionInfo info, out List<SocketDescription> sockets);
        Assert.Equal(["shop"], info.VirtualServices);
        Assert.Equal(["front", "postgres"], info.Services.Select(s => s.Name));
        Assert.True(info.EndedCleanly);
        SessionEvent first = events.First(e => e.Call == CallKind.Receive);
        Assert.Equal((100, 7, 8, 30, 5UL, 1), (first.TimeNs, first.Pid, first.Tid, first.Result, first.CpuNs, first.VirtualService));
        SocketDescription door = sockets[0];
        Assert.Equal(("c1", "web", SocketRole.Server, TransportProtocol.Tcp, "10.0.0.1:80", "10.9.9.9:1000"), (door.Connection, door.Host, door.Role, door.Protocol, door.Local.ToString(), door.Remote.ToString()));

        // One pid on two hosts is two processes, one id at two ends two sockets, and after a close a third.
        Assert.Equal(["web", "db"], info.Processes.Select(p => p.Host));
        Assert.Equal(7, info.Processes[1].HostPid);
        Assert.Equal(2, info.Processes.Select(p => p.Pid).Distinct().Count());
        Assert.Equal([("c1", SocketRole.Server), ("c2", SocketRole.Client), ("c2", SocketRole.Server), ("c2", SocketRole.Server)], sockets.Select(s => (s.Connection, s.Role)));
        Assert.Equal(4, sockets.Select(s => s.Id).Distinct().Count());

        // The child inherited the socket.
        Assert.Equal(events.Last(e => e.Call == CallKind.Receive).Socket, events[^1].Socket);
        Assert.Equal(events[^1].Pid, events.Single(e => e.Call == CallKind.Fork).ChildPid);
    }

    [Fact]
    public void Requests_that_the_source_knows_arrive_with_their_ids()
    {
        const string Text = """
            {"ts":1,"pid":1,"conn":"c","role":"server","call":"recv","request":"ff00000000000001","bytes":7}
            {"ts":2,"pid":1,"conn":"d","role":"client","call":"send","request":"FF00000000000001","bytes":9}
            {"ts":3,"pid":1,"conn":"d","role":"client","call":"recv"}
            {"ts":4,"pid":1,"conn":"d","role":"client","call":"send"}
            """;
        List<SessionEvent> events = Read(Import(Text), out _, out _);
        Assert.Equal(
            [(CallKind.Receive, 0xff00000000000001, 7), (CallKind.Send, 0xff00000000000001, 9), (CallKind.Receive, 0UL, 1), (CallKind.Send, 0UL, 1)],
            events.Where(e => e.Call != CallKind.Describe).Select(e => (e.Call, e.Request, e.Result)));
    }

    [Fact]
    public void Files_are_merged_by_time_and_the_same_input_gives_the_same_bytes()
    {
        string[] lines = Call.Split('\n');
        string one = Import(string.Join('\n', lines[..3]) + "\n", string.Join('\n', lines[3..]));
        Assert.Equal(Read(Import(Call), out _, out _), Read(one, out _, out _));
        string again = Import(Call), more = Import(Call);
        foreach (string name in new[] { SessionJson.FileName, SessionReader.EventsFileName })
            Assert.Equal(File.ReadAllBytes(Path.Combine(again, name)), File.ReadAllBytes(Path.Combine(more, name)));
    }

    [Fact]
    public void A_compressed_file_is_told_by_its_bytes()
    {
        using MemoryStream packed = new();
        using (GZipStream zip = new(packed, CompressionLevel.Fastest)) zip.Write(Encoding.UTF8.GetBytes(Call));
        byte[] bytes = packed.ToArray();
        Assert.Equal(Read(Import(Call), out _, out _), Read(Import([bytes]), out _, out _));
        VsException error = Assert.Throws<VsException>(() => Import([[.. bytes[..30], 1, 2, 3, 4, .. bytes[40..]]]));
        Assert.Equal(ExitCode.BadInput, error.ExitCode);
    }

    [Fact]
    public void A_compressed_file_that_is_cut_anywhere_is_refused_with_the_line_that_was_reached()
    {
        // Two members, as appending to a compressed log leaves them; each of stored blocks, so that a line is read as soon as its bytes are there.
        byte[] first = Zip("{\"ts\":1,\"pid\":1,\"call\":\"exit\"}\n"), second = Zip("{\"ts\":2,\"pid\":1,\"call\":\"exit\"}\n");
        byte[] both = [.. first, .. second];
        Assert.Equal(2, Read(Import([both]), out _, out _).Count);
        Assert.Single(Read(Import([first]), out _, out _));
        for (int length = 2; length < both.Length; length++)
        {
            if (length == first.Length) continue; // whole members: nobody can tell that there was more
            VsException error = Assert.Throws<VsException>(() => Import([both[..length]]));
            Assert.Equal(ExitCode.BadInput, error.ExitCode);
            Assert.Matches(length > first.Length ? "^f0:[23]: expected more of the compressed file" : "^f0:[12]: expected more of the compressed file", error.Message);
        }

        // The last eight bytes are the sums: of the first member, of the second.
        foreach (int at in (int[])[first.Length - 8, first.Length - 1, both.Length - 8, both.Length - 1])
        {
            byte[] wrong = [.. both];
            wrong[at] ^= 1;
            Assert.Contains("expected more of the compressed file: it ends too early, or is damaged", Assert.Throws<VsException>(() => Import([wrong])).Message, StringComparison.Ordinal);
        }

        static byte[] Zip(string text)
        {
            using MemoryStream packed = new();
            using (GZipStream zip = new(packed, CompressionLevel.NoCompression)) zip.Write(Encoding.UTF8.GetBytes(text));
            return packed.ToArray();
        }
    }

    [Theory]
    [InlineData("nonsense", "expected a JSON object")]
    [InlineData("[]", "expected a JSON object")]
    [InlineData("{\"ts\":1,\"pid\":1,\"call\":\"exit\"} x", "expected a JSON object")]
    [InlineData("{\"pid\":1,\"call\":\"exit\"}", "field 'ts'")]
    [InlineData("{\"ts\":1.5,\"pid\":1,\"call\":\"exit\"}", "field 'ts'")]
    [InlineData("{\"ts\":-1,\"pid\":1,\"call\":\"exit\"}", "field 'ts'")]
    [InlineData("{\"ts\":99999999999999999999,\"pid\":1,\"call\":\"exit\"}", "field 'ts'")]
    [InlineData("{\"ts\":\"1\",\"pid\":1,\"call\":\"exit\"}", "field 'ts'")]
    [InlineData("{\"ts\":1,\"call\":\"exit\"}", "field 'pid'")]
    [InlineData("{\"ts\":1,\"pid\":0,\"call\":\"exit\"}", "field 'pid'")]
    [InlineData("{\"ts\":1,\"pid\":1}", "field 'call'")]
    [InlineData("{\"ts\":1,\"pid\":1,\"call\":\"read\"}", "field 'call'")]
    [InlineData("{\"ts\":1,\"pid\":1,\"call\":\"recv\"}", "field 'conn'")]
    [InlineData("{\"ts\":1,\"pid\":1,\"call\":\"recv\",\"conn\":\"c\",\"bytes\":-1}", "field 'bytes'")]
    [InlineData("{\"ts\":1,\"pid\":1,\"call\":\"recv\",\"conn\":\"c\",\"role\":\"both\"}", "field 'role'")]
    [InlineData("{\"ts\":1,\"pid\":1,\"call\":\"recv\",\"conn\":\"c\",\"proto\":\"sctp\"}", "field 'proto'")]
    [InlineData("{\"ts\":1,\"pid\":1,\"call\":\"recv\",\"conn\":\"c\",\"local\":\"10.0.0.1\"}", "field 'local'")]
    [InlineData("{\"ts\":1,\"pid\":1,\"call\":\"recv\",\"conn\":[1]}", "field 'conn'")]
    [InlineData("{\"ts\":1,\"pid\":1,\"call\":\"recv\",\"conn\":\"\\u0000\"}", "field 'conn'")]
    [InlineData("{\"ts\":1,\"pid\":1,\"call\":\"recv\",\"conn\":\"\\ud800\"}", "expected a JSON object")]
    [InlineData("{\"ts\":1,\"pid\":1,\"call\":\"send\",\"conn\":\"c\",\"vs\":\"a\"}", "field 'vs'")]
    [InlineData("{\"ts\":1,\"pid\":1,\"call\":\"accept\",\"conn\":\"c\",\"role\":\"client\"}", "field 'role'")]
    [InlineData("{\"ts\":1,\"pid\":1,\"call\":\"recv\",\"conn\":\"c\",\"request\":\"g1\"}", "field 'request'")]
    [InlineData("{\"ts\":1,\"pid\":1,\"call\":\"recv\",\"conn\":\"c\",\"request\":\"12345678123456781\"}", "field 'request'")]
    [InlineData("{\"ts\":1,\"pid\":1,\"call\":\"recv\",\"conn\":\"c\",\"request\":\"0\"}", "field 'request'")]
    [InlineData("{\"ts\":1,\"pid\":1,\"call\":\"close\",\"conn\":\"c\",\"request\":\"1\"}", "field 'request'")]
    [InlineData("{\"ts\":1,\"pid\":1,\"call\":\"fork\"}", "field 'child'")]
    public void A_line_that_breaks_the_format_is_named_with_its_field_and_nothing_is_left(string line, string expected)
    {
        VsException error = Assert.Throws<VsException>(() => Import("{\"ts\":0,\"pid\":1,\"call\":\"exit\"}\r\n" + line + "\n"));
        Assert.Equal(ExitCode.BadInput, error.ExitCode);
        Assert.StartsWith("f0:2: " + expected, error.Message, StringComparison.Ordinal);
        Assert.Empty(_folder.EnumerateFileSystemInfos());
    }

    [Fact]
    public void Times_may_differ_between_hosts_but_never_go_back_within_one()
    {
        const string A = "{\"host\":\"a\",\"ts\":5000,\"pid\":1,\"call\":\"exec\"}\n", B = "{\"host\":\"b\",\"ts\":3,\"pid\":1,\"call\":\"exec\"}\n";
        Assert.Equal(3, Read(Import(A + B + A), out _, out _).Count);
        VsException error = Assert.Throws<VsException>(() => Import(A + B + A.Replace("5000", "4999", StringComparison.Ordinal)));
        Assert.StartsWith("f0:3: field 'ts': expected times that never go back", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_line_without_end_is_refused_before_it_fills_memory()
    {
        VsException error = Assert.Throws<VsException>(() => Import("{\"ts\":1,\"pid\":1,\"call\":\"exit\"}\n" + new string('x', LineFile.LongestLine + 1)));
        Assert.StartsWith("f0:2: expected lines of at most", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_connection_used_by_a_child_with_no_role_is_the_parents_end()
    {
        const string Text = """
            {"ts":1,"pid":1,"conn":"c","call":"accept"}
            {"ts":2,"pid":1,"call":"fork","child":2}
            {"ts":3,"pid":1,"conn":"c","call":"close"}
            {"ts":4,"pid":2,"conn":"c","call":"recv"}
            {"ts":5,"pid":3,"conn":"c","call":"send"}
            """;
        List<SessionEvent> events = Read(Import(Text), out _, out List<SocketDescription> sockets);
        Assert.Equal([SocketRole.Server, SocketRole.Client], sockets.Select(s => s.Role));
        Assert.Equal(sockets[0].Id, events.Single(e => e.Call == CallKind.Receive).Socket);
        Assert.Equal(sockets[1].Id, events.Single(e => e.Call == CallKind.Send).Socket);
    }

    [Fact]
    public void Any_input_is_imported_and_read_or_refused_with_its_line()
    {
        byte[] good = Encoding.UTF8.GetBytes(Call);
        (from count in Gen.Int[1, 6]
         from places in Gen.Int[0, good.Length - 1].Array[count]
         from values in Gen.OneOf(Gen.Byte, Gen.Byte[0x20, 0x7E]).Array[count]
         from cut in Gen.Frequency((4, Gen.Const(0)), (1, Gen.Int[0, 500]))
         select (places, values, cut)).Sample(
            change =>
            {
                byte[] bad = [.. good];
                for (int i = 0; i < change.places.Length; i++) bad[change.places[i]] = change.values[i];
                try
                {
                    string folder = Import([bad[..^change.cut]]);
                    Read(folder, out _, out _);
                    Directory.Delete(folder, recursive: true);
                }
                catch (VsException error)
                {
                    Assert.Equal(ExitCode.BadInput, error.ExitCode);
                    Assert.Matches("^f0:[0-9]+: ", error.Message);
                }
            },
            iter: 3000,
            threads: 1);
    }
}
