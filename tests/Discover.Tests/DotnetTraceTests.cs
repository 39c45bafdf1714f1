using VirtualServices.Discover.Import;
using VirtualServices.Discover.Import.Dotnet;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Tests;

/// <summary>What becomes of events that the captures at hand do not have: streams, proxies, redirects, missing ends.</summary>
public sealed class DotnetTraceTests
{
    private readonly List<NeutralEvent> _events = [];
    private readonly UnusedCounts _unused = new();
    private readonly DotnetTrace _trace;
    private readonly DotnetProcess _web = new("", 10), _store = new("", 20);
    private long _now = 100;

    public DotnetTraceTests() => _trace = new DotnetTrace(_events.Add, _unused);

    [Fact]
    public void Streams_of_one_connection_are_connections_of_their_own_while_it_is_busy()
    {
        Take(_web, DotnetEventKind.ConnectionStart, connection: "C", local: "10.0.0.1:80", remote: "10.0.0.9:5000");
        Request("C", "C:1", 0xA, 1);
        Request("C", "C:3", 0xB, 2);
        Take(_web, DotnetEventKind.RequestStop, connection: "C", text: "C:3");
        Take(_web, DotnetEventKind.RequestStop, connection: "C", text: "C:1");
        Request("C", "C:5", 0xC, 1);
        _trace.Complete();
        Assert.Equal(
            ["Accept kestrel-10-C", "Receive kestrel-10-C a", "Receive kestrel-10-C:3 b", "Send kestrel-10-C:3", "Close kestrel-10-C:3", "Send kestrel-10-C", "Receive kestrel-10-C c"],
            Told());
    }

    [Theory]
    [InlineData("10.0.0.2:80", true)]
    [InlineData("10.0.0.3:80", false)] // a proxy or balancer at another address passed the call on
    [InlineData("10.0.0.2:81", false)]
    public void Both_ends_are_one_connection_where_the_call_went_to_the_address_that_took_the_request(string called, bool one)
    {
        Take(_store, DotnetEventKind.ConnectionStart, connection: "S", local: "10.0.0.2:80", remote: "10.0.0.1:5000");
        Take(_web, DotnetEventKind.HttpConnected, connection: "7", remote: called);
        Call(0xA, 0x1, 1);
        Take(_web, DotnetEventKind.HttpSend, connection: "7", activity: 1002, related: 1001);
        Request("S", "S:1", 0xB, 1, process: _store, caller: 0xA);
        _trace.Complete();
        Assert.Equal(one ? "http-10-7" : "kestrel-20-S", _events.Single(e => e.Call == CallKind.Receive).Connection);
    }

    [Fact]
    public void A_call_that_is_redirected_is_a_call_per_send()
    {
        Call(0xA, 0x1, 1);
        Take(_web, DotnetEventKind.HttpSend, connection: "1", activity: 1002, related: 1001);
        Take(_web, DotnetEventKind.HttpSend, connection: "2", activity: 1003, related: 1001);
        Take(_web, DotnetEventKind.ClientSpanStop, name: DotnetEventReader.Http, span: 0xA);
        Take(_web, DotnetEventKind.HttpStop, activity: 1001);
        _trace.Complete();
        Assert.Equal(["Send http-10-1 1", "Receive http-10-1", "Send http-10-2 1", "Receive http-10-2"], Told());
    }

    [Fact]
    public void Calls_work_for_the_request_of_the_span_around_through_spans_within_and_after_the_answer()
    {
        Request("C", "C:1", 0xA, 1);
        Take(_web, DotnetEventKind.InnerSpanStart, span: 0xB, parent: 0xA);
        Take(_web, DotnetEventKind.RequestStop, connection: "C", text: "C:1");
        Take(_web, DotnetEventKind.ServerSpanStop, span: 0xA);
        Query(0xC, 0xB, "5");
        Query(0xD, 0, "5");      // on its own: for none
        Query(0xE, 0x99, "5");   // within a span that the file does not have
        _trace.Complete();
        Assert.Equal(["Send npgsql-10-5 a", "Send npgsql-10-5 d", "Send npgsql-10-5 99"], Told().Where(text => text.StartsWith("Send npgsql", StringComparison.Ordinal)));
    }

    [Fact]
    public void Calls_and_requests_whose_connection_nobody_tells_get_one_per_call_at_a_time()
    {
        Take(_web, DotnetEventKind.ServerSpanStart, span: 0x1);
        Take(_web, DotnetEventKind.ClientSpanStart, name: DotnetEventReader.Http, span: 0xA, parent: 0x1);
        Take(_web, DotnetEventKind.ClientSpanStart, name: DotnetEventReader.Http, span: 0xB, parent: 0x1);
        Assert.Empty(_events); // held back until they are told
        Take(_web, DotnetEventKind.ClientSpanStop, name: DotnetEventReader.Http, span: 0xB, remote: "10.0.0.2:80");
        Take(_web, DotnetEventKind.ClientSpanStop, name: DotnetEventReader.Http, span: 0xA, remote: "10.0.0.2:80");
        Take(_web, DotnetEventKind.ClientSpanStart, name: DotnetEventReader.Http, span: 0xC, parent: 0x1);
        Take(_web, DotnetEventKind.ClientSpanStop, name: DotnetEventReader.Http, span: 0xC, remote: "10.0.0.2:80");
        Take(_web, DotnetEventKind.ServerSpanStop, span: 0x1);
        _trace.Complete();
        Assert.Equal(
            [
                "Receive kestrel-10-assumed-1 1", "Send http-10-assumed-10.0.0.2:80-1 1", "Send http-10-assumed-10.0.0.2:80-2 1", "Receive http-10-assumed-10.0.0.2:80-2", "Receive http-10-assumed-10.0.0.2:80-1",
                "Send http-10-assumed-10.0.0.2:80-1 1", "Receive http-10-assumed-10.0.0.2:80-1", "Send kestrel-10-assumed-1",
            ],
            Told());
        Assert.Equal(3, _unused.Counts.Single(count => count.Source.StartsWith("calls whose connection", StringComparison.Ordinal)).Unused);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_call_over_a_pooled_connection_has_its_answer_before_the_next_is_sent_though_its_span_ends_later(bool afterTheNext)
    {
        Take(_web, DotnetEventKind.ClientSpanStart, name: DotnetEventReader.Npgsql, span: 0xA);
        Take(_web, DotnetEventKind.ClientSpanStart, name: DotnetEventReader.Npgsql, span: 0xB);
        foreach (ulong span in afterTheNext ? new ulong[] { 0xB, 0xA } : [0xA, 0xB]) Take(_web, DotnetEventKind.ClientSpanStop, name: DotnetEventReader.Npgsql, span: span, connection: "5", remote: "127.0.0.1:5432");
        Query(0xC, 0, "5");
        _trace.Complete();
        Assert.Equal(["Send npgsql-10-5 a", "Receive npgsql-10-5", "Send npgsql-10-5 b", "Receive npgsql-10-5", "Send npgsql-10-5 c", "Receive npgsql-10-5"], Told());
        Assert.Equal(_events.Select(e => e.TimeNs).Order(), _events.Select(e => e.TimeNs));
    }

    [Fact]
    public void What_never_ends_holds_back_no_more_than_the_bound_and_ends_with_the_files()
    {
        Take(_web, DotnetEventKind.ClientSpanStart, name: DotnetEventReader.Npgsql, span: 0xA);
        for (int i = 0; i < PendingEvents.Most + 5; i++) Take(_web, DotnetEventKind.HttpConnected, connection: "1", remote: "10.0.0.2:80");
        Assert.Equal(PendingEvents.Most + 6, _events.Count);
        Take(_web, DotnetEventKind.ClientSpanStart, name: DotnetEventReader.Npgsql, span: 0xB);
        _trace.Complete();
        Assert.Equal(["npgsql-10-assumed-1", "npgsql-10-assumed-2"], _events.Where(e => e.Call == CallKind.Send).Select(e => e.Connection));
    }

    [Fact]
    public void Ends_without_a_begin_are_counted_and_harm_nothing()
    {
        Take(_web, DotnetEventKind.ConnectionStop, connection: "C");
        Take(_web, DotnetEventKind.RequestStop, connection: "C", text: "C:1");
        Take(_web, DotnetEventKind.ServerSpanStop, span: 1);
        Take(_web, DotnetEventKind.ClientSpanStop, name: DotnetEventReader.Npgsql, span: 2);
        Take(_web, DotnetEventKind.HttpSend, connection: "1", activity: 5);
        Take(_web, DotnetEventKind.HttpStop, activity: 5);
        Take(_web, DotnetEventKind.HttpClosed, connection: "1");
        Take(_web, DotnetEventKind.HttpStart, activity: 6, remote: "10.0.0.2:80");
        Take(_web, DotnetEventKind.HttpStop, activity: 6); // refused: no connection
        _trace.Complete();
        Assert.Empty(_events);
        Assert.Equal(3, _unused.Counts.Sum(count => count.Unused));
    }

    [Fact]
    public void The_latest_entries_of_a_table_are_found()
    {
        RecentTable<int, string> table = new(100);
        for (int i = 0; i < 1000; i++) table.Set(i, $"{i}");
        Assert.Null(table.Find(890));
        Assert.All(Enumerable.Range(950, 50), i => Assert.Equal($"{i}", table.Find(i)));
        Assert.Equal("999", table.Take(999));
        Assert.Null(table.Find(999));
    }

    [Theory]
    [InlineData("[db.query.text, SELECT '],[server.port, 1'],[server.address, ::1],[server.port, 5432]", "[::1]:5432")]
    [InlineData("server.address:127.0.0.1, server.port:80, network.peer.address:::ffff:10.0.0.1, network.peer.port:8080", "10.0.0.1:8080")]
    [InlineData("[server.address, /run/postgresql/.s.PGSQL.5432],[db.npgsql.connection_id, 7]", "/run/postgresql/.s.PGSQL.5432")]
    [InlineData("[server.address, db.example],[server.port, 80]", "")]
    [InlineData("[server.address, 10.0.0.1],[server.port, 99999]", "")]
    [InlineData("[server.address, ", "")]
    [InlineData("", "")]
    public void Tags_say_where_a_call_went(string tags, string end) => Assert.Equal(end, SpanFields.Remote(tags).ToString());

    [Theory]
    [InlineData("00-728d75780332baa8faa87932c0d00f73-e18bb3c2991453e7-01", 0xe18bb3c2991453e7)]
    [InlineData("e18bb3c2991453e7", 0xe18bb3c2991453e7)]
    [InlineData("|728d75780332baa8.1.2.", 0)]
    [InlineData("0000000000000000", 0)]
    [InlineData("", 0)]
    public void Spans_have_ids_of_trace_context(string text, ulong id) => Assert.Equal(id, SpanFields.TryId(text, out ulong read) ? read : 0);

    private void Request(string connection, string id, ulong span, int tid, DotnetProcess? process = null, ulong caller = 0)
    {
        Take(process ?? _web, DotnetEventKind.ServerSpanStart, span: span, parent: caller, tid: tid);
        Take(process ?? _web, DotnetEventKind.RequestStart, connection: connection, text: id, tid: tid);
    }

    /// <summary>HttpClient is asked for a call: activity 1000 holds the span's, 1001.</summary>
    private void Call(ulong span, ulong parent, int tid)
    {
        Take(_web, DotnetEventKind.HttpStart, activity: 1000, tid: tid);
        Take(_web, DotnetEventKind.ClientSpanStart, name: DotnetEventReader.Http, span: span, parent: parent, activity: 1001, related: 1000, tid: tid);
    }

    private void Query(ulong span, ulong parent, string connection)
    {
        Take(_web, DotnetEventKind.ClientSpanStart, name: DotnetEventReader.Npgsql, span: span, parent: parent);
        Take(_web, DotnetEventKind.ClientSpanStop, name: DotnetEventReader.Npgsql, span: span, connection: connection, remote: "127.0.0.1:5432");
    }

    private void Take(DotnetProcess process, DotnetEventKind kind, string name = "", string connection = "", string text = "", ulong span = 0, ulong parent = 0, int tid = 1, int activity = 0, int related = 0, string local = "", string remote = "")
    {
        Assert.True(SessionText.TryParseEndpoint(local, out Endpoint here));
        Assert.True(SessionText.TryParseEndpoint(remote, out Endpoint there));
        _trace.Take(process, new DotnetEvent(kind, _now++, process.Pid, tid, Id(activity), Id(related)) { Name = name, Connection = connection, Text = text, Span = span, Parent = parent, Local = here, Remote = there });

        static Guid Id(int number) => number == 0 ? Guid.Empty : new Guid(number, 0, 0, new byte[8]);
    }

    private IEnumerable<string> Told() => _events.Select(e => $"{e.Call} {e.Connection}{(e.Request == 0 ? "" : $" {e.Request:x}")}");
}
