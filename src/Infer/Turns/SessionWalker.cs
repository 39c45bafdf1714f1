using VirtualServices.Infer.Inventory;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Turns;

/// <summary>Walks over the events of one session once, keeps what is open now, and tells a sink of requests, calls and their links.</summary>
internal sealed class SessionWalker
{
    private const int BatchSize = 4096;

    /// <summary>A difference above this (104 days of one thread) is no CPU time but a broken file.</summary>
    private const ulong LargestCpuStepNs = 1UL << 53;

    /// <summary>A parent that holds more than this passes its connections on at first use only: a server with 10,000 connections that forks must not cost 10,000 steps each time.</summary>
    private const int MostInherited = 64;

    /// <summary>Processes that hold one end, of which is known; who uses it all the same is known then.</summary>
    private const int MostHolders = 64;

    private readonly IEventSource _source;
    private readonly ActivitySink _sink;
    private readonly RequestSettler _settler;
    private long _number;

    public SessionWalker(IEventSource source, ActivitySink sink)
    {
        _source = source;
        _sink = sink;
        Parties = new PartyTable(source.Info);
        foreach (Service service in source.Info.Services) Parties.OfService(service.Name);
        Processes = new ProcessTable(source.Info, Parties);
        Ends = new EndTable(source.Info.Source == SessionInfo.JoinSource);
        _settler = new RequestSettler(Parties, sink);
    }

    public PartyTable Parties { get; }

    public ProcessTable Processes { get; }

    public ListenerTable Listeners { get; } = new();

    public EndTable Ends { get; }

    /// <summary>Requests whose ids the source knows.</summary>
    public ToldRequests Told { get; } = new();

    /// <summary>Events read.</summary>
    public long Events { get; private set; }

    /// <summary>Events that cannot be, such as a description that does not exist: they are left out.</summary>
    public long Malformed { get; private set; }

    /// <summary>Time of the last event.</summary>
    public long LastNs { get; private set; }

    /// <summary>The party at the other end of a server-side connection, or null where unknown.</summary>
    public Party? PeerParty(ConnectionEnd end) => _settler.PeerParty(end);

    /// <summary>Sockets and threads that were given up, because more were open at a time than are kept.</summary>
    public long GivenUp => Ends.GivenUp + Processes.GivenUp;

    public void Run()
    {
        AddExisting();
        var buffer = new SessionEvent[BatchSize];
        for (int count; (count = _source.Read(buffer)) > 0;)
        {
            Events += count;
            for (int i = 0; i < count; i++) Step(in buffer[i]);
            while (Ends.TooMany() is { } end) Close(end);
            while (Processes.GiveUp() is { } process) End(process);
        }

        foreach (ProcessState process in Processes.Alive) End(process);
        foreach (ConnectionEnd end in Ends.Open) Close(end);
    }

    private void AddExisting()
    {
        long start = _source.Info.Clock.StartNs;
        foreach (SocketRecord socket in _source.Info.Sockets)
        {
            if (socket.Description.Role != SocketRole.Listener) continue;
            foreach (SocketHolder holder in socket.Holders)
                Listeners.Add(Processes.Process(holder.Pid, start).Party, socket.Description.Protocol, socket.Description.Local);
        }

        foreach (SocketRecord socket in _source.Info.Sockets)
        {
            if (socket.Description.Role == SocketRole.Listener) continue;
            ConnectionEnd end = Describe(socket.Description, start);
            end.Existing = true;
            end.InStep = false;
            foreach (SocketHolder holder in socket.Holders) Hold(end, Processes.Process(holder.Pid, start));
        }
    }

    private void Step(in SessionEvent e)
    {
        LastNs = e.TimeNs;
        if (e.Call is CallKind.Describe)
        {
            if ((uint)e.Child < (uint)_source.Descriptions.Count) Describe(_source.Descriptions[e.Child], e.TimeNs);
            else Malformed++;
            return;
        }

        if (e.Pid <= 0 || e.Tid < 0)
        {
            Malformed++;
            return;
        }

        _number++;
        TracedThread thread = Processes.Thread(e.Pid, e.Tid, e.TimeNs);
        ChargeCpu(thread, in e);
        switch (e.Call)
        {
            case CallKind.Receive:
                if (e.Result > 0 && EndOf(in e, thread) is { } received) Receive(received, thread, in e);
                break;
            case CallKind.Send:
                if (e.Result > 0 && EndOf(in e, thread) is { } sent) Send(sent, thread, in e);
                break;
            case CallKind.Accept:
                if (e.Result >= 0 && e.Socket != 0) Accept(thread, in e);
                break;
            case CallKind.Connect:
                if (e.Socket != 0) Connect(thread, in e);
                break;
            case CallKind.Close:
                if (e.Socket != 0 && Ends.Find(e.Socket, e.Pid) is { } closed) Release(closed, thread.Process);
                break;
            case CallKind.Fork:
                Fork(thread, in e);
                break;
            case CallKind.Wait:
                _sink.OnWaited(thread);
                break;
            case CallKind.Wake:
                if (Processes.FindThread(e.Pid, e.Child) is { } woken && woken != thread) _sink.OnWoken(thread, woken);
                break;
            case CallKind.Exec:
                _sink.OnExecuted(thread);
                break;
            case CallKind.Exit:
                if (Processes.EndThread(thread)) End(thread.Process);
                break;
            case CallKind.Listen:
                Listen(thread.Process, in e);
                break;
        }
    }

    private void ChargeCpu(TracedThread thread, in SessionEvent e)
    {
        ulong now = e.CpuNs;
        if (now == 0 || thread.Tid == 0) return;
        if (thread.CpuNs is { } before && now > before)
        {
            if (now - before < LargestCpuStepNs) _sink.OnCpu(thread, in e, now - before);
            else Malformed++;
        }

        thread.CpuNs = now;
    }

    private ConnectionEnd? EndOf(in SessionEvent e, TracedThread thread)
    {
        if (e.Socket == 0) return null;
        ConnectionEnd end = Ends.Find(e.Socket, e.Pid) ?? Ends.Add(e.Socket);
        if (e.HasPeer && end is { Protocol: TransportProtocol.Udp, Role: SocketRole.Unknown })
        {
            if (!end.HeldBy(thread.Process)) Hold(end, thread.Process);
            end = Ends.Datagram(end, in e);
            if (Ends.ForgottenDatagram() is { } forgotten) Close(forgotten);
        }
        else if (end.Role == SocketRole.Unknown)
        {
            end.Role = Listeners.RoleOf(end.Protocol, end.Local, end.Remote);
            if (end.Role != SocketRole.Unknown) Ends.Match(end);
        }

        if (!end.HeldBy(thread.Process)) Hold(end, thread.Process);
        end.UsedAt = _number;
        Use(end, thread);
        return end;
    }

    private static void Use(ConnectionEnd end, TracedThread thread)
    {
        ProcessState process = thread.Process;
        if (end.User == process) return;
        if (end.User is not null)
        {
            end.UsedBySeveral = true;
            return;
        }

        end.User = process;
        if (end.Role != SocketRole.Server) return;
        end.NumberInProcess = ++process.Connections;
        process.OpenConnections++;
        process.MostOpenConnections = Math.Max(process.MostOpenConnections, process.OpenConnections);
    }

    private void Receive(ConnectionEnd end, TracedThread thread, in SessionEvent e)
    {
        bool request = end.Turn != TurnDirection.In && end.Role == SocketRole.Server;
        end.Turn = TurnDirection.In;
        if (request)
        {
            end.Turns++;
            end.TurnNs = e.TimeNs;
            end.Told = e.Request == 0 ? null : Told.Begin(thread.Process, e.Request, end);
            OpenRequests.Open(end, thread);
        }

        _sink.OnReceived(end, thread, in e, request);
        if (request) _settler.Add(end, new Request(thread.Process, e.TimeNs, e.TimeNs + e.DurationNs, end.Turns, e.Result, KnownVs(in e)));
    }

    /// <summary>An index beyond the table says nothing.</summary>
    private int KnownVs(in SessionEvent e) => (uint)e.VirtualService <= (uint)_source.VirtualServices.Count ? e.VirtualService : 0;

    private void Send(ConnectionEnd end, TracedThread thread, in SessionEvent e)
    {
        bool call = end.Turn != TurnDirection.Out && end.Role == SocketRole.Client;
        end.Turn = TurnDirection.Out;
        ConnectionEnd? parent = null;
        if (call)
        {
            end.Turns++;
            end.TurnNs = e.TimeNs;
            end.Owner ??= thread.Process;
            parent = e.Request == 0 ? OpenRequests.ParentOf(thread) : Told.Find(thread.Process, e.Request)?.Current;
            end.Origin = RequestSettler.OriginOfCall(thread.Process, parent);
        }
        else if (end.Role == SocketRole.Server)
        {
            OpenRequests.Answer(end);
        }

        _sink.OnSent(end, thread, in e, call, parent);
        if (call && end.Peer is { Waiting.Count: > 0 } server) _settler.Settle(server);
    }

    private void Accept(TracedThread thread, in SessionEvent e)
    {
        ConnectionEnd end = Side(SocketRole.Server, thread.Process, in e);
        end.AcceptorSerial = thread.Process.Serial;
        end.AcceptorPid = e.Pid;
        end.AcceptNs = e.TimeNs;
        end.Existing = false;
        _sink.OnAccepted(end, thread, in e);
    }

    private void Connect(TracedThread thread, in SessionEvent e)
    {
        ConnectionEnd end = Side(SocketRole.Client, thread.Process, in e);
        end.Owner ??= thread.Process;
        _sink.OnConnected(end, thread, in e);
    }

    /// <summary>The end that an accept or connect is about. An end that has already been used under this id belongs to an older connection whose close was lost, or whose id is used again.</summary>
    private ConnectionEnd Side(SocketRole role, ProcessState process, in SessionEvent e)
    {
        ConnectionEnd? end = Ends.Find(e.Socket, e.Pid);
        if (end is not null && end.Role is SocketRole.Server or SocketRole.Client && end.Role != role)
        {
            end = end.Twin is { Closed: false } twin ? twin : Ends.AddTwin(end, role);
        }
        else if (end is { Turns: > 0 })
        {
            Close(end);
            end = null;
        }

        end ??= Ends.Add(e.Socket);
        end.UsedAt = _number;
        end.Role = role;
        Ends.Match(end);
        if (!end.HeldBy(process)) Hold(end, process);
        return end;
    }

    private ConnectionEnd Describe(SocketDescription description, long timeNs)
    {
        ConnectionEnd end = Ends.Describe(description, out ConnectionEnd? stale);
        end.UsedAt = _number;
        if (stale is not null) Close(stale);
        if (end.PeerPid > 0 && end.PeerProcess is null && end.PeerRecord is null)
        {
            end.PeerProcess = Processes.Find(end.PeerPid);
            end.PeerRecord = end.PeerProcess is null ? Processes.RecordAt(end.PeerPid, timeNs) : null;
        }

        if (end.Waiting is { Count: > 0 }) _settler.Settle(end);
        if (end.Peer is { Waiting.Count: > 0 } server) _settler.Settle(server);
        return end;
    }

    private void Fork(TracedThread thread, in SessionEvent e)
    {
        int childPid = e.ChildPid > 0 ? e.ChildPid : e.Child;
        if (childPid <= 0)
        {
            if (e.Result >= 0) Malformed++;
            return;
        }

        ProcessState parent = thread.Process;
        if (childPid == e.Pid)
        {
            if (e.Child <= 0 || e.Child == e.Tid) return;
            Processes.ForkThread(parent, e.Child);
            _sink.OnThread(thread, e.Child);
            return;
        }

        if (Processes.Find(childPid) is { } old) End(old); // the pid is used again: its exit was lost
        ProcessState child = Processes.Fork(parent, childPid, e.Child > 0 ? e.Child : childPid, e.TimeNs);
        if (parent.Held.Count <= MostInherited)
        {
            foreach (ConnectionEnd end in parent.Held) Hold(end, child);
        }

        _sink.OnForked(thread, child);
    }

    private void Listen(ProcessState process, in SessionEvent e)
    {
        if (e.Socket == 0 || e.Result < 0) return;
        ConnectionEnd end = Ends.Find(e.Socket, e.Pid) ?? Ends.Add(e.Socket);
        end.Role = SocketRole.Listener;
        process.Listens = true;
        Listeners.Add(process.Party, end.Protocol, end.Local);
        _sink.OnListening(process, end);
    }

    private static void Hold(ConnectionEnd end, ProcessState process)
    {
        if (end.Role == SocketRole.Listener || end.Closed || end.Holders.Count == MostHolders) return; // listening sockets are inherited by everybody and say nothing
        end.Holders.Add(process);
        process.Held.Add(end);
        if (end.Role == SocketRole.Client) end.Owner ??= process;
    }

    private void Release(ConnectionEnd end, ProcessState process)
    {
        process.Held.Remove(end);
        end.Holders.Remove(process);
        if (end.Holders.Count == 0) Close(end);
    }

    private void End(ProcessState process)
    {
        if (process.Held.Count > 0)
        {
            foreach (ConnectionEnd end in process.Held.Reverse().ToArray())
            {
                _settler.GiveUp(end); // its requests have to be told of while the process is known
                Release(end, process);
            }
        }

        _sink.OnEnded(process);
        Processes.Remove(process);
    }

    private void Close(ConnectionEnd end)
    {
        if (end.Closed) return;
        foreach (ConnectionEnd datagram in end.Datagrams?.ToArray() ?? []) Close(datagram);
        _settler.GiveUp(end);
        OpenRequests.Answer(end);
        foreach (ProcessState holder in end.Holders) holder.Held.Remove(end);
        end.LetGo();
        if (end.User is { } user && end.Role == SocketRole.Server) user.OpenConnections--;
        Ends.Remove(end);
        _sink.OnClosed(end);
        end.FirstThread = null; // requests and calls keep their ends for a window, and must not keep threads that are gone
    }
}
