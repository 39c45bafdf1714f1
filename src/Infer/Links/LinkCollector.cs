using VirtualServices.Infer.Inventory;
using VirtualServices.Infer.Turns;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Links;

/// <summary>Gathers requests and calls of a walk in windows, has the links of each window found, and tells of calls and requests when nothing about them changes any more.</summary>
/// <param name="onCall">Hears of each call, in their order.</param>
/// <param name="onRequest">Hears of each request once it is known for whom it is, or that it is not.</param>
/// <param name="model">The confidence model, null for the embedded one.</param>
/// <param name="useProofs">Links that the execution model proves are taken as they are; false to see what estimating alone is worth.</param>
/// <param name="window">Requests and calls that are held before links are worked out. Of them, the last eighth stays for the next window: what decides about them may not have been read.</param>
internal sealed class LinkCollector(Action<CallNode>? onCall, Action<RequestNode>? onRequest, BoostedTrees? model = null, bool useProofs = true, int window = LinkCollector.Window) : ActivitySink
{
    /// <summary>Requests and calls in a window.</summary>
    internal const int Window = 1 << 16;

    /// <summary>Calls of a connection that wait for their requests at the other end.</summary>
    private const int MostWaiting = 64;

    /// <summary>Services that are learnt apart; what is beyond is learnt together.</summary>
    private const int MostServices = 1024;

    private readonly BoostedTrees _model = model ?? ConfidenceModel.Embedded;
    private readonly Dictionary<Party, ServiceWindows> _services = [];
    private readonly NumberBudget _budget = new();
    private readonly SolverStorage _storage = new();
    private ServiceWindows? _others;
    private readonly List<CallNode> _calls = [];
    private readonly List<RequestNode> _requests = [];
    private SessionWalker? _walker;
    private readonly int _window = window;
    private int _full = window;

    /// <summary>Walks a session from its beginning to its end.</summary>
    public void Run(IEventSource source)
    {
        var walker = new SessionWalker(source, this);
        Begin(walker);
        walker.Run();
        Finish();
    }

    /// <summary>A walk of which this hears begins.</summary>
    public void Begin(SessionWalker walker) => _walker = walker;

    /// <summary>The walk is over.</summary>
    public void Finish() => Flush(all: true);

    /// <summary>CPU time of the requests that were told.</summary>
    public CpuLedger Cpu { get; } = new();

    /// <summary>A request or two to look at, with all that was done for them.</summary>
    public SampleTrees Samples { get; } = new();

    /// <summary>Calls keep what speaks for their links, for training.</summary>
    public bool KeepsFeatures { get; init; }

    /// <summary>How often links were worked out.</summary>
    internal int Flushes { get; private set; }

    /// <summary>Parties of the walk.</summary>
    public PartyTable Parties => _walker!.Parties;

    /// <inheritdoc/>
    public override void OnCpu(TracedThread thread, in SessionEvent e, ulong ns)
    {
        if (thread.Process.Party is not { Recorded: true }) return;
        ThreadWork work = NotesOf(thread).Work;
        if (work.PieceNs > 0) Cpu.Passed(thread, work); // the event before turned out to say nothing
        work.PieceNs = ns;
        if (e.Call is not (CallKind.Receive or CallKind.Send) || e.Result <= 0) Cpu.Passed(thread, work);
    }

    /// <inheritdoc/>
    public override void OnForked(TracedThread parent, ProcessState child)
    {
        if (NotesOf(parent).Work.Accepted is not { } accepted) return;
        foreach (TracedThread thread in child.Threads) NotesOf(thread).Work.Accepted = accepted;
    }

    /// <inheritdoc/>
    public override void OnAccepted(ConnectionEnd end, TracedThread thread, in SessionEvent e)
    {
        // A process that was forked since the connection came is there for it, and has worked for it from its beginning.
        if (thread.Process is not { ForkedByListener: true, Listens: false } || thread.Process.BornNs < end.AcceptNs) OnWaited(thread);
        NotesOf(thread).Work.Accepted = end;
    }

    /// <inheritdoc/>
    public override void OnWaited(TracedThread thread) => Cpu.Waited(thread, NotesOf(thread).Work);

    /// <inheritdoc/>
    public override void OnReceived(ConnectionEnd end, TracedThread thread, in SessionEvent e, bool request)
    {
        if (end.Role == SocketRole.Client)
        {
            if (end.Notes is not ClientNotes { Last: { } call }) return;
            call.ReturnNs = e.TimeNs + e.DurationNs;
            ThreadNotes answered = NotesOf(thread);
            answered.Prompt = new Prompt(null, call);
            Cpu.Received(thread, answered.Work, answered.Prompt);
            call.Called ??= CalledBy(end);
            return;
        }

        if (!request)
        {
            if (end.Notes is ServerNotes { Last: { } more }) Cpu.Received(thread, NotesOf(thread).Work, new Prompt(more, null));
            return;
        }

        ServerNotes notes = end.Notes as ServerNotes ?? new ServerNotes();
        end.Notes = notes;
        if (notes.Last is { } before && before.LastNs == long.MaxValue) before.LastNs = Math.Max(e.TimeNs, before.ArrivalNs);
        var node = new RequestNode(end, e.TimeNs, e.TimeNs + e.DurationNs)
        {
            Pid = thread.Process.Pid,
            Tid = thread.Tid,
            Service = thread.Process.Party is { Recorded: true } party ? party.Name : null,
        };
        notes.Last = node;
        if (end.Told is { } told) told.Notes = node;
        ThreadNotes asked = NotesOf(thread);
        asked.Prompt = new Prompt(node, null);
        Cpu.Received(thread, asked.Work, asked.Prompt);
        notes.Await(node);
        _requests.Add(node);
        if (thread.Process.Party is not null) WindowOf(thread.Process).Requests.Add(node);
        FlushWhenFull();
    }

    /// <inheritdoc/>
    public override void OnSent(ConnectionEnd end, TracedThread thread, in SessionEvent e, bool call, ConnectionEnd? parent)
    {
        if (end.Role == SocketRole.Server)
        {
            if (end.Notes is not ServerNotes { Last: { } request }) return;
            ThreadNotes replies = NotesOf(thread);
            Cpu.Sent(thread, replies.Work, new Prompt(request, null));
            if (request.ReplyNs == long.MaxValue)
            {
                request.ReplyNs = Math.Max(e.TimeNs, request.ArrivalNs);
                if (thread.Process.Party is not null) request.ReplyPrompt = replies.Prompt;
                replies.Prompt = default; // it is done with: what the thread sends next is for something else
            }

            request.LastNs = Math.Max(e.TimeNs, request.ArrivalNs);
            return;
        }

        if (!call)
        {
            if (end.Notes is ClientNotes { Last: { } last }) Cpu.Sent(thread, NotesOf(thread).Work, new Prompt(null, last));
            return;
        }

        ClientNotes notes = end.Notes as ClientNotes ?? new ClientNotes();
        end.Notes = notes;
        var node = new CallNode(end, e.TimeNs, thread.Tid)
        {
            Pid = thread.Process.Pid,
            Number = end.Turns,
            Prompt = thread.Process.Party is null ? default : NotesOf(thread).Prompt,
            Service = thread.Process.Party is { Recorded: true } party ? party.Name : null,
        };
        notes.Last = node;
        Cpu.Sent(thread, NotesOf(thread).Work, new Prompt(null, node));
        if (!node.Prompt.IsKnown) NotesOf(thread).Prompt = new Prompt(null, node); // whatever it was, what follows is for the same

        // Where both ends do not count alike nobody asks for older ones.
        notes.Wait(node, end.InStep ? MostWaiting : 1);
        if (useProofs && e.Request != 0)
        {
            node.Proof = LinkProof.Told;
            if (_walker!.Told.Find(thread.Process, e.Request)?.Notes is RequestNode told) told.Insert(node);
        }
        else if (useProofs && parent?.Notes is ServerNotes { Last: { } proven } && proven.TimeNs == parent.TurnNs)
        {
            node.Proof = thread.Tid != 0 ? LinkProof.SameThread : LinkProof.OnlyConnection;
            node.Prover = thread;
            proven.Insert(node);
        }

        _calls.Add(node);
        if (thread.Process.Party is { } service) ServiceOf(service).Add(thread, node);
        else if (node.Proven) LinkJudge.JudgeProven(_model, node, thread.Process.OpenRequests);
        FlushWhenFull();
    }

    /// <inheritdoc/>
    public override void OnRequest(ConnectionEnd end, in Request request, Origin origin)
    {
        if (end.Notes is not ServerNotes notes || notes.Settle() is not { } node) return;
        node.Settled = true;
        node.KnownVs = request.KnownVs;
        node.Direct = origin;
        node.Asker = _walker!.PeerParty(end);
        if (request.KnownVs != 0 || end.Peer is not { Notes: ClientNotes client } peer || client.Take(peer, end, in request, node.ReplyNs < long.MaxValue) is not { } caller) return;
        node.Caller = caller;
        caller.Served ??= node;
    }

    /// <inheritdoc/>
    public override void OnWoken(TracedThread waker, TracedThread woken)
    {
        ThreadNotes notes = NotesOf(woken);
        ThreadNotes from = NotesOf(waker);
        notes.Prompt = from.Prompt;
        Cpu.Waited(woken, notes.Work);
        from.Work.Wake(notes.Work);
    }

    /// <inheritdoc/>
    public override void OnClosed(ConnectionEnd end)
    {
        if (end.Notes is ClientNotes { Last: { } call }) call.Called ??= CalledBy(end);
        if (end.Notes is ServerNotes { Last: { } last } && last.LastNs == long.MaxValue && _walker is not null) last.LastNs = Math.Max(_walker.LastNs, last.ArrivalNs);

        // Requests and calls keep their ends for a window. Of a client's end the other side may still ask.
        if (end.Role == SocketRole.Server) end.Notes = null;
        if (end.Peer is null or { Closed: true }) end.Notes = null;
        if (end.Peer is { Closed: true } peer) peer.Notes = null;
    }

    private static Party? CalledBy(ConnectionEnd end) => end.Peer is { } peer ? (peer.User ?? peer.Owner)?.Party : end.PeerProcess?.Party;

    private ServiceWindows ServiceOf(Party party)
    {
        if (_services.TryGetValue(party, out ServiceWindows? service)) return service;
        if (_services.Count >= MostServices) return _others ??= new ServiceWindows(_budget, _storage);
        _services.Add(party, service = new ServiceWindows(_budget, _storage));
        return service;
    }

    private ProcessWindow WindowOf(ProcessState process) => ServiceOf(process.Party!).Of(process);

    private void FlushWhenFull()
    {
        if (_calls.Count + _requests.Count >= _full) Flush(all: false);
    }

    private void Flush(bool all)
    {
        Flushes++;
        long cut = all ? long.MaxValue : CutNs();
        foreach (ServiceWindows service in _services.Values) service.Solve(cut, _model, KeepsFeatures);
        _others?.Solve(cut, _model, KeepsFeatures);
        int told = 0;

        // Calls come nearly in the order of their times. One that is said to be of next year must not hold back all that come after it.
        while (told < _calls.Count && (all || _calls[told].Final || _calls[told].TimeNs < cut || _calls.Count - told > 2 * _window))
        {
            CallNode call = _calls[told++];
            call.Conclude();
            Cpu.Tell(call);
            onCall?.Invoke(call);
        }

        _calls.RemoveRange(0, told);
        int kept = 0;
        for (int i = 0; i < _requests.Count; i++)
        {
            RequestNode request = _requests[i];
            CallNode? caller = request.Caller;
            if ((request.Settled && Resolve(request, all)) || (all && Resolve(request, all)))
            {
                Cpu.Tell(request);
                onRequest?.Invoke(request);
                if (caller?.Told is null) Samples.Offer(request, caller);
                continue;
            }

            _requests[kept++] = request;
        }

        _requests.RemoveRange(kept, _requests.Count - kept);
        Samples.Choose(all);

        // Requests that wait for what never comes would else have everything worked out anew for each event.
        _full = Math.Max(_window, 2 * (_calls.Count + _requests.Count));
    }

    /// <summary>Everything but the last part of the window is decided. A host whose clock differs decides by its own times only where they come later.</summary>
    private long CutNs()
    {
        if (_calls.Count == 0) return long.MaxValue;
        return _calls[Math.Max(_calls.Count - Math.Min(_window / 8, _calls.Count / 4) - 1, 0)].TimeNs;
    }

    /// <summary>Follows the links upwards.</summary>
    private static bool Resolve(RequestNode request, bool atEnd)
    {
        if (request.Resolved) return true;
        if (request.KnownVs != 0 || request.Caller is not { } caller)
        {
            return Conclude(request, request.KnownVs != 0 ? new Origin(request.Direct.Service, -1, request.KnownVs) : request.Direct, 1);
        }

        if (!caller.Final && !atEnd) return false;
        if (caller.Told is not { } parent || request.Visiting) return Conclude(request, request.Direct with { Outside = -1, Known = 0 }, 0);
        request.Visiting = true;
        bool known = parent.Settled ? Resolve(parent, atEnd) : atEnd && Conclude(parent, Origin.Unknown, 0);
        request.Visiting = false;
        return known && Conclude(request, parent.Origin, parent.Confidence * caller.Confidence);
    }

    private static bool Conclude(RequestNode request, Origin origin, double confidence)
    {
        request.Origin = origin;
        request.Confidence = confidence;
        request.Resolved = true;
        request.Caller = null; // what lies above is no longer needed, and must not be kept
        return true;
    }

    private static ThreadNotes NotesOf(TracedThread thread)
    {
        if (thread.Notes is ThreadNotes notes) return notes;
        thread.Notes = notes = new ThreadNotes();
        return notes;
    }

    private sealed class ThreadNotes
    {
        public Prompt Prompt { get; set; }

        public ThreadWork Work { get; } = new();
    }

    private sealed class ServerNotes
    {
        private RequestNode? _oldest, _newest;

        public RequestNode? Last { get; set; }

        /// <summary>Its requester is not known yet.</summary>
        public void Await(RequestNode request)
        {
            if (_oldest is null) _oldest = request;
            else _newest!.NextUnsettled = request;
            _newest = request;
        }

        /// <summary>Takes the one out that has waited longest.</summary>
        public RequestNode? Settle()
        {
            RequestNode? request = _oldest;
            if (request is null) return null;
            _oldest = request.NextUnsettled;
            request.NextUnsettled = null;
            if (_oldest is null) _newest = null;
            return request;
        }
    }

    private sealed class ClientNotes
    {
        private CallNode? _oldest, _newest;
        private int _waiting;

        public CallNode? Last { get; set; }

        /// <summary>The request that it is at the other end is not known yet. Of more than are kept, the oldest are given up.</summary>
        public void Wait(CallNode call, int most)
        {
            while (_waiting >= most) Dequeue();
            if (_oldest is null) _oldest = call;
            else _newest!.NextWaiting = call;
            _newest = call;
            _waiting++;
        }

        /// <summary>The call that the request is: by its number where both ends count alike, else the one that is on its way.</summary>
        public CallNode? Take(ConnectionEnd client, ConnectionEnd server, in Request request, bool answered)
        {
            if (client.InStep && server.InStep)
            {
                while (_oldest is { } call && call.Number <= request.Number)
                {
                    Dequeue();
                    if (call.Number == request.Number) return call;
                }

                // More than the client ever asked, and never answered: the rest of what it asked last, left unread until it was answered.
                if (client.Turns < request.Number && !answered) return Last;
                if (client.Turns != request.Number) return null; // the numbers of older calls were never told
            }

            return client.Turn == TurnDirection.Out && client.TurnNs <= request.TimeNs ? Last : null;
        }

        private void Dequeue()
        {
            CallNode call = _oldest!;
            _oldest = call.NextWaiting;
            call.NextWaiting = null; // else calls would lead to all that came after them
            if (_oldest is null) _newest = null;
            _waiting--;
        }
    }
}
