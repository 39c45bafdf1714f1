using System.Text.Json;
using VirtualServices.Infer.Output;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;
using static VirtualServices.Infer.Tests.PostgresTests;

namespace VirtualServices.Infer.Tests;

public sealed class OutputTests
{
    internal static JsonElement[] Lines(string text) =>
        [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement)];

    internal static string Links(Recording recording)
    {
        using var output = new StringWriter();
        LinkWriter.Write(recording.Open(), output);
        return output.ToString();
    }

    internal static string Attribution(InferenceResult result, Recording recording)
    {
        using var output = new StringWriter();
        AttributionWriter.Write(result, recording.Open(), output);
        return output.ToString();
    }

    internal static string Report(InferenceResult result)
    {
        using var output = new StringWriter();
        ReportWriter.Write(result, output);
        return output.ToString();
    }

    /// <summary>A recorded web server in front of the database; users are outside.</summary>
    private static (Recording Recording, ulong One, ulong Two, Session Database) Web()
    {
        var recording = new Recording();
        recording.Serve("web", SelectorKind.Unit, "web.service");
        recording.Process(200, "web", unit: "web.service", cgroup: "/system.slice/web.service");
        var postgres = new Postgres(recording);
        ulong[] users = [recording.NextCookie(), recording.NextCookie()];
        foreach (ulong user in users)
        {
            recording.Describe(new SocketDescription(user, recording.NextInode(), TransportProtocol.Tcp, SocketRole.Server, Recording.Tcp("10.0.0.1", 80), Recording.Tcp("10.9.9.9", 1000 + (int)user), 0, 0, 1));
            recording.Call(CallKind.Accept, 200, user, 7);
        }

        return (recording, users[0], users[1], postgres.Connect(200, Way.Tcp4, clientRecorded: true));
    }

    [Fact]
    public void A_call_of_the_thread_that_received_a_request_works_for_it()
    {
        (Recording recording, ulong one, _, Session database) = Web();
        recording.Call(CallKind.Receive, 200, one, 30, tid: 201);
        long asked = recording.Now;
        database.Ask(50, 500, 1000, clientThread: 201);
        recording.Call(CallKind.Send, 200, one, 900, tid: 201);
        database.Ask(50, 500, 1000, clientThread: 201); // after the reply began: nothing is proven

        JsonElement[] links = Lines(Links(recording));
        Assert.Equal([JsonValueKind.Null, JsonValueKind.Object, JsonValueKind.Null], links.Select(l => l.GetProperty("parent").ValueKind)); // the startup packet is first
        JsonElement link = links[1];
        Assert.Equal("web", link.GetProperty("service").GetString());
        Assert.Equal(database.Mine.ToString(System.Globalization.CultureInfo.InvariantCulture), link.GetProperty("conn").GetString());
        Assert.Equal(one.ToString(System.Globalization.CultureInfo.InvariantCulture), link.GetProperty("parent").GetProperty("conn").GetString());
        Assert.Equal(asked, link.GetProperty("parent").GetProperty("ts").GetInt64());
        Assert.InRange(link.GetProperty("confidence").GetDouble(), 0.9, 1);
    }

    [Fact]
    public void A_thread_with_two_requests_open_is_not_believed()
    {
        (Recording recording, ulong one, ulong two, Session database) = Web();
        recording.Call(CallKind.Receive, 200, one, 30);
        recording.Call(CallKind.Receive, 200, two, 30);
        database.Ask(50, 500, 1000);
        Assert.All(Lines(Links(recording)), l => Assert.Equal(JsonValueKind.Null, l.GetProperty("parent").ValueKind));

        // Both of its calls are among what is unknown: this one, and the startup packet before the first request.
        IReadOnlyList<Unknown> unknowns = Conclude(recording).Unknowns;
        Assert.Equal(1, Assert.Single(unknowns, u => u.Subject == "web" && u.Reason.StartsWith("calls for which several requests come into question", StringComparison.Ordinal)).Count);
        Assert.Equal(1, Assert.Single(unknowns, u => u.Subject == "web" && u.Reason.StartsWith("calls that were made while no request was open", StringComparison.Ordinal)).Count);
    }

    [Fact]
    public void Another_threads_call_is_not_believed()
    {
        (Recording recording, ulong one, _, Session database) = Web();
        recording.Call(CallKind.Receive, 200, one, 30, tid: 201);
        database.Ask(50, 500, 1000, clientThread: 202);
        Assert.All(Lines(Links(recording)), l => Assert.Equal(JsonValueKind.Null, l.GetProperty("parent").ValueKind));
    }

    [Fact]
    public void Every_request_is_attributed_once()
    {
        Recording recording = TwoTenants(Way.Unix, recorded: true);
        InferenceResult result = Conclude(recording);
        JsonElement[] lines = Lines(Attribution(result, recording));
        Assert.Equal(27, lines.Length);
        Assert.Equal(21, lines.Count(l => l.GetProperty("vs").GetString() == "shop"));
        Assert.Equal(6, lines.Count(l => l.GetProperty("vs").GetString() == "blog"));
        Assert.All(lines, l => Assert.Equal("postgres", l.GetProperty("service").GetString()));
        Assert.Equal(27, lines.Select(l => (l.GetProperty("conn").GetString(), l.GetProperty("ts").GetInt64())).Distinct().Count());
    }

    [Fact]
    public void A_virtual_service_that_the_source_knows_is_carried_over_hops()
    {
        (Recording recording, ulong one, ulong two, Session database) = Web();
        recording.KnownVirtualServices.AddRange(["t0", "t1"]);
        foreach ((ulong user, ushort vs) in new[] { (one, (ushort)1), (two, (ushort)2), (one, (ushort)1) })
        {
            recording.Call(CallKind.Receive, 200, user, 30, tid: 201, knownVs: vs);
            database.Ask(50, 500, 1000, clientThread: 201);
            recording.Call(CallKind.Send, 200, user, 900, tid: 201);
        }

        InferenceResult result = Conclude(recording);
        string?[] atDatabase = [.. Lines(Attribution(result, recording)).Where(l => l.GetProperty("service").GetString() == "postgres").Select(l => l.GetProperty("vs").GetString())];

        // The thread came back to a connection while another was open: from there on it is an event loop, and nothing is said any more.
        Assert.Equal(["web", "t0", "t1", "web"], atDatabase);
        Assert.Empty(result.Rules.Gates); // one backend, two tenants
    }

    [Fact]
    public void Both_ends_under_one_id_are_told_apart()
    {
        var recording = new Recording { WithoutThreads = true };
        recording.Serve("web", SelectorKind.Pid, "200").Serve("db", SelectorKind.Pid, "300");
        recording.Process(200, "web", uid: 1);
        recording.Process(300, "db", uid: 2);
        recording.Describe(new SocketDescription(7, 0, TransportProtocol.Tcp, SocketRole.Client, Endpoint.None, Endpoint.None, 0, 0, 0));
        recording.Call(CallKind.Connect, 200, 7);
        recording.Describe(new SocketDescription(7, 0, TransportProtocol.Tcp, SocketRole.Server, Endpoint.None, Endpoint.None, 0, 0, 0));
        recording.Call(CallKind.Accept, 300, 7);
        recording.Call(CallKind.Send, 200, 7, 10);
        recording.Call(CallKind.Receive, 300, 7, 10);
        recording.Call(CallKind.Send, 300, 7, 10);
        recording.Call(CallKind.Receive, 200, 7, 10);

        JsonElement line = Assert.Single(Lines(Attribution(Conclude(recording), recording)));
        Assert.Equal(("db", "web"), (line.GetProperty("service").GetString(), line.GetProperty("vs").GetString()));
        Assert.Single(Lines(Links(recording)));
    }

    [Fact]
    public void A_blocking_receive_that_was_entered_before_the_call_is_matched_with_it()
    {
        // The receive is read first, because events are sorted by their enter time.
        var recording = new Recording();
        recording.Serve("web", SelectorKind.Unit, "web.service");
        recording.Process(200, "web", unit: "web.service", cgroup: "/system.slice/web.service");
        recording.KnownVirtualServices.AddRange(["t0", "t1"]);
        var postgres = new Postgres(recording);
        (SocketDescription server, SocketDescription mine) = postgres.Sockets(Way.Tcp4, 200, known: true);
        recording.Describe(mine);
        recording.Call(CallKind.Connect, 200, mine.Id);
        recording.Describe(server);
        recording.Call(CallKind.Accept, Postgres.Postmaster, server.Id, 9);
        int backend = postgres.Fork();
        recording.Call(CallKind.Close, Postgres.Postmaster, server.Id);
        for (ushort i = 1; i <= 2; i++)
        {
            ulong user = recording.NextCookie();
            recording.Describe(new SocketDescription(user, recording.NextInode(), TransportProtocol.Tcp, SocketRole.Server, Recording.Tcp("10.0.0.1", 80), Recording.Tcp("10.9.9.9", 1000 + i), 0, 0, 1));
            recording.Call(CallKind.Receive, 200, user, 30, knownVs: i);
            recording.Call(CallKind.Receive, backend, server.Id, 10);
            recording.Call(CallKind.Send, 200, mine.Id, 10);
            recording.Call(CallKind.Send, backend, server.Id, 10);
            recording.Call(CallKind.Receive, 200, mine.Id, 10);
            recording.Call(CallKind.Send, 200, user, 10);
            recording.Call(CallKind.Close, 200, user);
        }

        string?[] vs = [.. Lines(Attribution(Conclude(recording), recording)).Where(l => l.GetProperty("service").GetString() == "postgres").Select(l => l.GetProperty("vs").GetString())];
        Assert.Equal(["t0", "t1"], vs);
    }

    [Fact]
    public void Hostile_names_do_no_harm()
    {
        const string Evil = "<script>alert(\"x\")</script>\n'&\u202e";
        var recording = new Recording(Evil);
        recording.Serve(Evil, SelectorKind.Pid, "200");
        recording.Process(200, Evil, exe: "/" + Evil, uid: 1, comm: Evil);
        recording.Process(300, exe: "/bin/" + Evil, uid: 2, comm: Evil);
        recording.Process(400, exe: "/bin/" + Evil, uid: 3, comm: Evil, unit: Evil, cgroup: "/" + Evil);
        var postgres = new Postgres(recording, unit: Evil);
        postgres.Connect(200, Way.Tcp4, clientRecorded: true);
        postgres.Connect(300, Way.Tcp4, clientRecorded: false);
        postgres.Connect(400, Way.Tcp4, clientRecorded: false);

        InferenceResult result = Conclude(recording);
        string report = Report(result);
        Assert.DoesNotContain("<script", report, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("\u202e", report, StringComparison.Ordinal);
        Assert.Contains("&lt;script&gt;", report, StringComparison.Ordinal);
        Assert.All(result.Rules.VirtualServices, v => Assert.Matches("^[A-Za-z][A-Za-z0-9_.-]{0,62}$", v.Name));
        Assert.All(result.Rules.VirtualServices.SelectMany(v => v.FrontDoors), d => Assert.True(d.TryValidate(out _) && !d.Value.Any(char.IsControl)));
        Assert.NotEmpty(Lines(Links(recording)));
        Assert.NotEmpty(Lines(Attribution(result, recording)));
    }

    [Fact]
    public void The_report_needs_nothing_else_and_says_what_counts()
    {
        string report = Report(Conclude(TwoTenants(Way.Tcp4, recorded: true)));
        Assert.DoesNotContain("http:", report, StringComparison.Ordinal);
        Assert.DoesNotContain("https:", report, StringComparison.Ordinal);
        Assert.DoesNotContain("src=", report, StringComparison.Ordinal);
        Assert.Contains("prefers-color-scheme: dark", report, StringComparison.Ordinal);
        Assert.Contains("postgres-receive-tcp-5432", report, StringComparison.Ordinal);
        Assert.Contains("Of 27 requests in 1 session", report, StringComparison.Ordinal);
        Assert.Contains("unit:shop.service", report, StringComparison.Ordinal);
        Assert.Equal(Count(report, "<section"), Count(report, "</section>"));
        Assert.Equal(Count(report, "<div"), Count(report, "</div>"));

        static int Count(string text, string part) => text.Split(part).Length - 1;
    }
}
