using VirtualServices.Infer.Inventory;
using VirtualServices.Infer.Links;
using VirtualServices.Infer.Turns;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Tests;

/// <summary>Links that the source of a session tells itself.</summary>
public sealed class ToldRequestsTests
{
    private const int Web = 100, Other = 200;
    private readonly Recording _recording = new();
    private readonly ulong _one, _two, _back;

    public ToldRequestsTests()
    {
        _recording.Serve("web", SelectorKind.Pid, "100").Serve("other", SelectorKind.Pid, "200");
        _recording.Process(Web, "web");
        _recording.Process(Other, "other");
        _one = Open(SocketRole.Server, "one");
        _two = Open(SocketRole.Server, "two");
        _back = Open(SocketRole.Client, "back");
    }

    [Fact]
    public void A_call_works_for_the_request_that_it_names_whatever_its_thread_says()
    {
        _recording.Call(CallKind.Receive, Web, _one, 10, request: 0xA);
        _recording.Call(CallKind.Receive, Web, _two, 10, tid: 101, request: 0xB);
        _recording.Call(CallKind.Send, Web, _back, 10, request: 0xB); // by the thread that received the other
        _recording.Call(CallKind.Receive, Web, _back, 10);
        _recording.Call(CallKind.Send, Web, _back, 10, request: 0xA);
        Assert.Equal([("two", 1.0), ("one", 1.0)], Links());
    }

    [Fact]
    public void A_call_after_the_answer_and_after_the_next_request_is_still_of_the_one_it_names()
    {
        _recording.Call(CallKind.Receive, Web, _one, 10, request: 0xA);
        _recording.Call(CallKind.Send, Web, _one, 10);
        _recording.Call(CallKind.Receive, Web, _one, 10, request: 0xB);
        long first = _recording.Events.First(e => e.Request == 0xA).TimeNs;
        _recording.Call(CallKind.Send, Web, _back, 10, request: 0xA);
        _recording.Call(CallKind.Close, Web, _one);
        _recording.Call(CallKind.Receive, Web, _back, 10);
        _recording.Call(CallKind.Send, Web, _back, 10, request: 0xA);
        List<long?> parents = [];
        var collector = new LinkCollector(call => parents.Add(call.Told?.TimeNs), null);
        collector.Run(_recording.Open());
        Assert.Equal([first, first], parents);
    }

    [Fact]
    public void A_call_that_names_no_request_of_its_process_works_for_none()
    {
        _recording.Call(CallKind.Receive, Web, _one, 10, request: 0xA); // alone and in the same thread: else this would be proof
        _recording.Call(CallKind.Send, Web, _back, 10, request: 0xC);
        ulong theirs = Open(SocketRole.Client, "theirs");
        _recording.Call(CallKind.Send, Other, theirs, 10, request: 0xA);
        Assert.Equal([(null, 0.0), (null, 0.0)], Links());
    }

    [Fact]
    public void Without_an_id_the_thread_is_proof_as_ever()
    {
        _recording.Call(CallKind.Receive, Web, _one, 10, request: 0xA);
        _recording.Call(CallKind.Send, Web, _back, 10);
        (string? parent, double confidence) = Assert.Single(Links());
        Assert.Equal("one", parent);
        Assert.InRange(confidence, 0.5, 0.9999);
    }

    [Fact]
    public void Ids_are_kept_of_the_latest_requests_only()
    {
        ToldRequests told = new();
        var process = new ProcessState(1, 1, null, null, 0, 0);
        var end = new ConnectionEnd(1);
        for (ulong id = 1; id <= ToldRequests.Most + 10; id++) told.Begin(process, id, end);
        Assert.Null(told.Find(process, 10));
        Assert.NotNull(told.Find(process, 11));
        ToldRequest again = told.Begin(process, 11, end);
        Assert.Same(again, told.Find(process, 11));
    }

    private List<(string? Parent, double Confidence)> Links()
    {
        List<(string?, double)> links = [];
        new LinkCollector(call => links.Add((call.Told?.End.Connection, call.Confidence)), null).Run(_recording.Open());
        return links;
    }

    private ulong Open(SocketRole role, string name)
    {
        ulong socket = _recording.NextCookie();
        _recording.Describe(new SocketDescription(socket, 0, TransportProtocol.Tcp, role, Recording.Tcp("10.0.0.1", 80), Recording.Tcp("10.0.0.2", 90 + (int)socket), 0, 0, 0, name, "h"));
        return socket;
    }
}
