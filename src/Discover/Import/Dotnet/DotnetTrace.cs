using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Import.Dotnet;

/// <summary>
/// Makes requests and calls of the events of .NET services, and says which call works for which request: by the ids of spans, else by the activities that the runtime followed.
/// Threads are not told: events are written on other threads than the system calls are made.
/// </summary>
internal sealed class DotnetTrace
{
    private const string Kestrel = "kestrel";
    private const int MostCalls = 1 << 17;

    private readonly UnusedCounts _unused;
    private readonly PendingEvents _pending;
    private readonly RecentTable<ulong, DotnetCall> _callsOfAll = new(MostCalls);

    internal DotnetTrace(Action<NeutralEvent> add, UnusedCounts unused)
    {
        _unused = unused;
        _pending = new PendingEvents(add);
    }

    /// <summary>Takes in an event; those of all files come in the order of their times.</summary>
    internal void Take(DotnetProcess process, DotnetEvent e)
    {
        switch (e.Kind)
        {
            case DotnetEventKind.Process:
                if (process.Service.Length == 0) process.Service = e.Text;
                break;
            case DotnetEventKind.Listen:
                process.Ports.Add(e.Local.Port);
                break;
            case DotnetEventKind.ConnectionStart:
                if (e.Local.Port > 0) process.Ports.Add(e.Local.Port);
                process.Servers.Set(e.Connection, new DotnetEnd(process.NameOf(Kestrel, e.Connection)) { Local = e.Local, Remote = e.Remote, Fresh = true });
                break;
            case DotnetEventKind.ConnectionStop:
                Close(process, process.Servers.Take(e.Connection), SocketRole.Server, e.TimeNs);
                break;
            case DotnetEventKind.ServerSpanStart:
                process.RequestOfSpan.Set(e.Span, e.Span);
                DotnetRequest begun = Begin(process, e, e.Span, e.Parent);
                process.RequestsBySpan.Set(e.Span, begun);
                process.Beginning.Set(e.Tid, begun);
                break;
            case DotnetEventKind.RequestStart:
                DotnetRequest request = process.Beginning.Take(e.Tid) is { End: null, Answered: false } other ? other : Begin(process, e, process.NextRequest(), 0);
                process.RequestsById.Set(e.Text, request);
                process.Began(e, request, null);
                Receive(process, request, e);
                break;
            case DotnetEventKind.RequestStop:
                Answer(process, process.RequestsById.Take(e.Text), e.TimeNs);
                break;
            case DotnetEventKind.ServerSpanStop:
                Answer(process, process.RequestsBySpan.Take(e.Span), e.TimeNs);
                break;
            case DotnetEventKind.InnerSpanStart:
                process.RequestOfSpan.Set(e.Span, RequestOf(process, e));
                process.Began(e, null, null);
                break;
            case DotnetEventKind.ClientSpanStart:
                StartSpan(process, e);
                break;
            case DotnetEventKind.ClientSpanStop:
                StopSpan(process, e);
                break;
            case DotnetEventKind.HttpConnected:
                Connect(process, e);
                break;
            case DotnetEventKind.HttpClosed:
                Close(process, process.Clients.Take((DotnetEventReader.Http, e.Connection)), SocketRole.Client, e.TimeNs);
                break;
            case DotnetEventKind.HttpStart:
                process.TellsHttp = true;
                DotnetCall call = new(DotnetEventReader.Http) { Remote = e.Remote, Request = process.Around(e, static activity => activity.Request is not null)?.Request?.Id ?? 0 };
                process.Began(e, null, call);
                break;
            case DotnetEventKind.HttpSend:
                Send(process, e);
                break;
            case DotnetEventKind.HttpStop:
                if (process.Around(e, static activity => activity.Call is not null)?.Call is { } over) Return(process, over, e.TimeNs);
                break;
        }
    }

    /// <summary>The end of the files.</summary>
    internal void Complete() => _pending.Complete();

    private DotnetRequest Begin(DotnetProcess process, DotnetEvent e, ulong id, ulong caller)
    {
        PendingEvent receive = new(Make(process, CallKind.Receive, SocketRole.Server, e.TimeNs, id));
        DotnetRequest request = new(id, caller) { Receive = receive, Lane = process.TakeLane(Kestrel) };
        receive.Assume = () =>
        {
            _unused.Add("requests whose connection is not told: assumed, one for each request at a time", 1);
            Settle(process, request, process.EndOf(Kestrel, request.Lane, Endpoint.None));
        };
        process.Began(e, request, null);
        _pending.Add(receive);
        return request;
    }

    /// <summary>The connection of a request is told. One that is busy carries several at a time (HTTP/2): each stream then counts as a connection.</summary>
    private void Receive(DotnetProcess process, DotnetRequest request, DotnetEvent e)
    {
        DotnetEnd? end = process.Servers.Find(e.Connection);
        if (end is null) process.Servers.Set(e.Connection, end = new DotnetEnd(process.NameOf(Kestrel, e.Connection)));
        if (end.Busy) end = new DotnetEnd(process.NameOf(Kestrel, e.Text)) { Local = end.Local, Remote = end.Remote, IsStream = true };
        Settle(process, request, end);
        _pending.Flush();
    }

    private void Settle(DotnetProcess process, DotnetRequest request, DotnetEnd end)
    {
        if (!end.Told && request.Caller != 0) Pair(process, request.Caller, end);
        request.End = end;
        request.Receive.Assume = null;
        Name(request.Receive.Event, end);
        if (!end.Told && end.Fresh)
        {
            // Kestrel tells of connections before their first request, but only that says which call is at the other end.
            NeutralEvent accept = Make(process, CallKind.Accept, SocketRole.Server, request.Receive.Event.TimeNs, 0);
            Name(accept, end);
            request.Receive.Before = accept;
        }

        end.Told = end.Busy = true;
    }

    /// <summary>The request's span names the span of the call: where that went to this very address, both are ends of one connection. Else somebody stands between them.</summary>
    private void Pair(DotnetProcess process, ulong caller, DotnetEnd end)
    {
        if (_callsOfAll.Find(caller)?.End is not { Paired: false, Remote: { Port: > 0 } remote } client) return;
        if (end.Local == Endpoint.None ? !process.Ports.Contains(remote.Port) : end.Local != remote) return;
        if (end.Local == Endpoint.None) end.Local = remote;
        end.Name = client.Name;
        end.Paired = client.Paired = true;
    }

    private void Answer(DotnetProcess process, DotnetRequest? request, long timeNs)
    {
        if (request is null or { Answered: true }) return;
        request.Answered = true;
        request.Receive.Assume?.Invoke();
        NeutralEvent send = Make(process, CallKind.Send, SocketRole.Server, timeNs, 0);
        Name(send, request.End!);
        _pending.Add(new PendingEvent(send));
        process.FreeLane(Kestrel, request.Lane);
        Free(process, request.End!, SocketRole.Server, timeNs);
    }

    /// <summary>The request of the span around; a span that stands alone, or within one that the file does not have, works for no request of the file.</summary>
    private static ulong RequestOf(DotnetProcess process, DotnetEvent e) =>
        e.Parent == 0 ? e.Span : process.RequestOfSpan.Find(e.Parent) is var request and not 0 ? request : e.Parent;

    private void StartSpan(DotnetProcess process, DotnetEvent e)
    {
        ulong request = RequestOf(process, e);
        process.RequestOfSpan.Set(e.Span, request);

        // HttpClient has told of the same call just before.
        DotnetCall? call = e.Name == DotnetEventReader.Http ? process.Around(e, static activity => activity.Call is { Span: 0, Kind: DotnetEventReader.Http })?.Call : null;
        bool told = call is not null && process.TellsHttp;
        call ??= new DotnetCall(e.Name);
        call.Span = e.Span;
        call.Request = request;
        process.CallsBySpan.Set(e.Span, call);
        process.Began(e, null, call);
        _callsOfAll.Set(e.Span, call);
        if (!told) Send(process, call, e.TimeNs, null);
    }

    private void StopSpan(DotnetProcess process, DotnetEvent e)
    {
        if (process.CallsBySpan.Take(e.Span) is not { } call)
        {
            _unused.Add("calls that had begun before the capture");
            return;
        }

        if (e.Remote != Endpoint.None) call.Remote = e.Remote;
        if (call is { Send: not null, End: null } && e.Connection.Length > 0)
        {
            var key = (call.Kind, e.Connection);
            DotnetEnd? end = process.Clients.Find(key);
            if (end is null) process.Clients.Set(key, end = new DotnetEnd(process.NameOf(call.Kind, e.Connection)) { Remote = call.Remote });
            Settle(call, end);
        }

        Return(process, call, e.TimeNs);
    }

    private void Connect(DotnetProcess process, DotnetEvent e)
    {
        DotnetEnd end = new(process.NameOf(DotnetEventReader.Http, e.Connection)) { Remote = e.Remote, Fresh = true, Told = true };
        process.Clients.Set((DotnetEventReader.Http, e.Connection), end);
        NeutralEvent connect = Make(process, CallKind.Connect, SocketRole.Client, e.TimeNs, 0);
        Name(connect, end);
        _pending.Add(new PendingEvent(connect));
    }

    /// <summary>HttpClient sends over a connection; once more where it is redirected or tries again.</summary>
    private void Send(DotnetProcess process, DotnetEvent e)
    {
        process.TellsHttp = true;
        if (process.Around(e, static activity => activity.Call is { Kind: DotnetEventReader.Http })?.Call is not { Over: false } call)
        {
            if (e.Activity != Guid.Empty) _unused.Add("sends of HttpClient whose call had begun before the capture");
            return;
        }

        if (call is { Send: not null, End: null }) return; // the call is told by its span alone
        var key = (DotnetEventReader.Http, e.Connection);
        DotnetEnd? end = process.Clients.Find(key);
        if (end is null) process.Clients.Set(key, end = new DotnetEnd(process.NameOf(DotnetEventReader.Http, e.Connection)) { Remote = call.Remote });
        if (call.End is not null) Received(process, call, e.TimeNs);
        if (end.Busy) end = new DotnetEnd(process.NameOf(DotnetEventReader.Http, $"{e.Connection}-{call.Span:x}")) { Remote = end.Remote, IsStream = true };
        Send(process, call, e.TimeNs, end);
    }

    private void Send(DotnetProcess process, DotnetCall call, long timeNs, DotnetEnd? end)
    {
        call.Send = new PendingEvent(Make(process, CallKind.Send, SocketRole.Client, timeNs, call.Request));
        if (end is not null)
        {
            Settle(call, end);
        }
        else
        {
            call.Lane = process.TakeLane(call.Kind);
            call.Send.Assume = () =>
            {
                _unused.Add("calls whose connection is not told: assumed, one for each call at a time", 1);
                Settle(call, process.EndOf(call.Kind, call.Lane, call.Remote));
            };
        }

        _pending.Add(call.Send);
    }

    private static void Settle(DotnetCall call, DotnetEnd end)
    {
        call.End = end;
        call.Send!.Assume = null;
        call.Send.End = end;
        Name(call.Send.Event, end);
        end.Told = end.Busy = true;
    }

    private void Return(DotnetProcess process, DotnetCall call, long timeNs)
    {
        if (call.Over) return;
        call.Over = true;
        if (call.Send is null)
        {
            _unused.Add("calls that were sent over no connection");
            return;
        }

        call.Send.Assume?.Invoke();
        if (call.Lane != 0) process.FreeLane(call.Kind, call.Lane);
        Received(process, call, timeNs);
    }

    private void Received(DotnetProcess process, DotnetCall call, long timeNs)
    {
        NeutralEvent receive = Make(process, CallKind.Receive, SocketRole.Client, timeNs, 0);
        Name(receive, call.End!);
        call.Send!.Answer = new PendingEvent(receive);
        _pending.Add(call.Send.Answer);
        Free(process, call.End!, SocketRole.Client, timeNs);
    }

    private void Free(DotnetProcess process, DotnetEnd end, SocketRole role, long timeNs)
    {
        end.Busy = false;
        if (end.IsStream) Close(process, end, role, timeNs);
    }

    private void Close(DotnetProcess process, DotnetEnd? end, SocketRole role, long timeNs)
    {
        if (end is not { Told: true }) return;
        NeutralEvent close = Make(process, CallKind.Close, role, timeNs, 0);
        Name(close, end);
        _pending.Add(new PendingEvent(close));
    }

    private static NeutralEvent Make(DotnetProcess process, CallKind call, SocketRole role, long timeNs, ulong request) => new()
    {
        Call = call,
        Role = role,
        TimeNs = timeNs,
        Host = process.Host,
        Pid = process.Pid,
        Request = request,
        Bytes = 1,
    };

    private static void Name(NeutralEvent e, DotnetEnd end)
    {
        e.Connection = end.Name;
        e.Local = end.Local;
        e.Remote = end.Remote;
        e.Protocol = end.Local.Path.Length > 0 || end.Remote.Path.Length > 0 ? TransportProtocol.Unix : TransportProtocol.Tcp;
    }
}
