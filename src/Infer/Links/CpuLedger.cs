using VirtualServices.Infer.Inventory;
using VirtualServices.Infer.Turns;

namespace VirtualServices.Infer.Links;

/// <summary>
/// Gives CPU time to requests. A piece of it, from one event of a thread to the next, that ends in sending belongs to what is sent for; any other piece to what the thread handled last,
/// or, once it has waited since, to what it turns to.
/// Pieces wait at the request, or at the call until its link is told, and are summed by service and origin once it is known for whom the request is. What belongs to no request is kept nowhere.
/// </summary>
internal sealed class CpuLedger
{
    private readonly Dictionary<(string Service, Origin Origin), ulong> _sums = [];
    private readonly Dictionary<string, NobodysCpu> _nobodys = new(StringComparer.Ordinal);

    /// <summary>CPU time of requests, ns, by the service that spent it and for whom that was.</summary>
    public IReadOnlyDictionary<(string Service, Origin Origin), ulong> Sums => _sums;

    /// <summary>CPU time of no request, ns, by the service that spent it, as far as it is known why.</summary>
    public IReadOnlyDictionary<string, NobodysCpu> Nobodys => _nobodys;

    /// <summary>
    /// The thread received a request, or an answer to a call: what comes before it goes to what the thread handled before; where it has waited since, or has just accepted the request's connection, to what it received.
    /// </summary>
    public void Received(TracedThread thread, ThreadWork work, in Prompt handled)
    {
        bool accepted = work.Accepted is { } end && end == handled.Request?.End;
        if (accepted || (work.Turned && work.Accepted is null)) Charge(thread, handled, work.EarlierNs);
        Charge(thread, accepted || work.Turned ? handled : work.Handled, work.TakePiece());
        Turn(thread, work, handled);
    }

    /// <summary>The thread sent for a request: its answer, or a call.</summary>
    public void Sent(TracedThread thread, ThreadWork work, in Prompt handled)
    {
        // One that has just received a request and answers another one worked on either of them.
        bool torn = handled.Request is not null && work.Handled.Request is { ReplyNs: long.MaxValue } open && open != handled.Request;
        ulong ns = work.TakePiece();
        if (!torn) Charge(thread, handled, ns);
        else if (ns > 0) WhyNobodys(thread.Process.Party!.Name).TornNs += ns;
        Turn(thread, work, handled);
    }

    /// <summary>The thread did something else.</summary>
    public void Passed(TracedThread thread, ThreadWork work)
    {
        ulong ns = work.TakePiece();
        Charge(thread, work.Handled, ns);
        if (!work.Handled.IsKnown) work.EarlierNs += ns;
        if (work.Handles) return;
        work.ApartNs += ns;
        thread.Process.CpuApartNs += ns;
    }

    /// <summary>The thread waited for something to do. What it did after an answer was the end of that request's work, up to here.</summary>
    public void Waited(TracedThread thread, ThreadWork work)
    {
        Passed(thread, work);
        if (work.WokeFor.IsKnown)
        {
            Charge(thread, work.WokeFor, work.EarlierNs);
            work.ApartNs -= work.EarlierNs;
            thread.Process.CpuApartNs -= work.EarlierNs;
        }

        work.Wait();
    }

    /// <summary>It is told whether and for which request the call was made.</summary>
    public void Tell(CallNode call)
    {
        if (call.Told is { } request) Charge(request, call.CpuNs);
        else if (call is { CpuNs: > 0, Open: > 0, Service: { } service }) WhyNobodys(service).OfCallsNs += call.CpuNs;
        call.CpuNs = 0;
    }

    /// <summary>It is known for whom the request is, or that it is not.</summary>
    public void Tell(RequestNode request)
    {
        Sum(request, request.CpuNs);
        request.CpuNs = 0;
    }

    private void Charge(TracedThread thread, in Prompt handled, ulong ns)
    {
        // Of a connection that several processes use, only the first one's time is its requests', and only of those that it received itself.
        if (ns == 0 || !handled.IsKnown || (handled.Request?.End ?? handled.Call!.End).User != thread.Process || (handled.Request is { } received && received.Pid != thread.Process.Pid)) return;
        if (handled.Request is { } request) Charge(request, ns);
        else if (!handled.Call!.Final) handled.Call.CpuNs += ns;
        else if (handled.Call.Told is { } parent) Charge(parent, ns);
        else if (handled.Call is { Open: > 0, Service: { } service }) WhyNobodys(service).OfCallsNs += ns;
    }

    private static void Turn(TracedThread thread, ThreadWork work, in Prompt handled)
    {
        if (!work.Handles) thread.Process.CpuApartNs -= work.ApartNs;
        work.Turn(handled);
    }

    private NobodysCpu WhyNobodys(string service)
    {
        if (!_nobodys.TryGetValue(service, out NobodysCpu? nobodys)) _nobodys.Add(service, nobodys = new NobodysCpu());
        return nobodys;
    }

    private void Charge(RequestNode request, ulong ns)
    {
        if (request.Resolved) Sum(request, ns);
        else request.CpuNs += ns;
    }

    private void Sum(RequestNode request, ulong ns)
    {
        if (ns == 0 || request.Service is not { } service) return;
        _sums[(service, request.Origin)] = _sums.GetValueOrDefault((service, request.Origin)) + ns;
    }
}

/// <summary>Why CPU time is nobody's.</summary>
internal sealed class NobodysCpu
{
    /// <summary>Of calls of which is not told for which of several requests they were made, ns.</summary>
    public ulong OfCallsNs { get; set; }

    /// <summary>Of threads that answered one request just after they received another, ns.</summary>
    public ulong TornNs { get; set; }
}

/// <summary>What a thread works for.</summary>
internal sealed class ThreadWork
{
    private ThreadWork? _woke, _wokenBy;
    private bool _wokeSeveral;

    /// <summary>What it received or sent last: a request, its answer, a call or the call's answer.</summary>
    public Prompt Handled { get; set; }

    /// <summary>The connection that it, or the process that forked its own, accepted last, until it handles something else.</summary>
    public ConnectionEnd? Accepted { get; set; }

    /// <summary>It has waited since it handled something: what it does now is for what it handles next.</summary>
    public bool Turned { get; private set; }

    /// <summary>CPU time since it waited, or since the accept, that is for what it handles next, ns.</summary>
    public ulong EarlierNs { get; set; }

    /// <summary>
    /// Of a thread that handles nothing itself and, since it waited, woke one other thread, such as one that polls the sockets of a run-time: what that thread turned to.
    /// What it did since it waited was for this. How long that took is known when it waits again: a wake tells no CPU time.
    /// </summary>
    public Prompt WokeFor { get; private set; }

    /// <summary>It has handled something.</summary>
    public bool Handles { get; private set; }

    /// <summary>CPU time of a thread that has handled nothing so far, without what it did for others, ns.</summary>
    public ulong ApartNs { get; set; }

    /// <summary>CPU time of which it is not known yet what it ends in, ns.</summary>
    public ulong PieceNs { get; set; }

    /// <summary>It waited, or slept and was woken. An answered request is done with; who waits for the rest of a request still works for it.</summary>
    public void Wait()
    {
        Turned = true;
        if (Handled.Request is { ReplyNs: < long.MaxValue }) Handled = default;
        if (Accepted is null) EarlierNs = 0;
        (_woke, _wokeSeveral, WokeFor) = (null, false, default);
        _wokenBy = null;
    }

    /// <summary>It woke another thread, which has been found to have waited.</summary>
    public void Wake(ThreadWork woken)
    {
        if (Handles || !Turned || Accepted is not null) return;
        _wokeSeveral |= _woke is not null;
        (_woke, WokeFor) = (woken, default);
        woken._wokenBy = this;
    }

    /// <summary>It handles something.</summary>
    public void Turn(in Prompt handled)
    {
        if (_wokenBy is { _wokeSeveral: false } waker && waker._woke == this) waker.WokeFor = handled;
        _wokenBy = null;
        WokeFor = default; // it is none that only sees what there is to do
        Handled = handled;
        Handles = true;
        Accepted = null;
        Turned = false;
        EarlierNs = 0;
    }

    /// <summary>Hands that out.</summary>
    public ulong TakePiece()
    {
        ulong ns = PieceNs;
        PieceNs = 0;
        return ns;
    }
}
