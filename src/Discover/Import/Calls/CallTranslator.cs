using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Import.Calls;

/// <summary>Turns system calls as tracers tell them into neutral events: follows descriptors from the calls that make, copy and close them.</summary>
internal sealed class CallTranslator(Action<NeutralEvent> add, UnusedCounts unused)
{
    /// <summary>A descriptor that was there before the trace and that the tracer does not explain.</summary>
    internal const string UnknownDescriptor = "reads and writes of descriptors whose opening was not traced";

    private const int InProgress = -115, CloseOnExecFlag = 1, SetDescriptorFlags = 2, Duplicate = 0, DuplicateCloseOnExec = 1030;
    private readonly NeutralEvent _event = new();
    private readonly SocketRegistry _registry = new();

    /// <summary>Threads and processes.</summary>
    internal TracedTasks Tasks { get; } = new();

    /// <summary>Takes in a call that has ended.</summary>
    internal void Take(TracedCall call)
    {
        TracedProcess process = Tasks.Of(call.Pid, call.Tid);
        if (call.Comm.Length > 0 && process.Comm.Length == 0) process.Comm = call.Comm;
        switch (CallNames.KindOf(call.Name))
        {
            case CallForm.Receive:
                Move(CallKind.Receive, call, process, call.Fd, call.Label, CallNames.IsForSocketsOnly(call.Name));
                break;
            case CallForm.Send:
                Move(CallKind.Send, call, process, call.Fd, call.Label, CallNames.IsForSocketsOnly(call.Name));
                break;
            case CallForm.Transfer:
                // splice and sendfile: from the second descriptor to the first.
                Move(CallKind.Receive, call, process, call.Fd2, call.Label2, sure: false, quiet: true);
                Move(CallKind.Send, call, process, call.Fd, call.Label, sure: false, quiet: true);
                break;
            case CallForm.Accept when call.Result >= 0:
                Accept(call, process);
                break;
            case CallForm.Accept:
                Listener(call, process);
                break;
            case CallForm.Connect:
                if (call.Result == 0 || call.Result == InProgress) Connect(call, process);
                break;
            case CallForm.Bind:
                if (call.Result == 0 && call.Address != Endpoint.None && SocketOf(process, call.Fd, call.Label, sure: true) is { } bound) bound.Local = call.Address;
                break;
            case CallForm.Listen:
                if (call.Result == 0) Listen(call, process);
                break;
            case CallForm.Socket:
                if (call.Result >= 0 && call.Protocol != TransportProtocol.None) Make(process, (int)call.Result, call.ResultLabel, call);
                else if (call.Result >= 0) MakeOther(call, process, (int)call.Result);
                break;
            case CallForm.Other:
                if (call.Result >= 0) MakeOther(call, process, (int)call.Result);
                break;
            case CallForm.Pair:
                if (call.Result == 0) MakePair(call, process);
                break;
            case CallForm.Close:
                Close(call, process, call.Fd, call.Label);
                break;
            case CallForm.CloseRange:
                foreach (int fd in process.Descriptors.Within(call.Fd, call.Argument)) Drop(call, process, fd);
                break;
            case CallForm.Duplicate:
                if (call.Result >= 0) Copy(call, process, (int)call.Result, call.CloseOnExec);
                break;
            case CallForm.Control:
                Control(call, process);
                break;
            case CallForm.LocalName:
                if (call.Result == 0 && call.Address.Port != 0 && process.Descriptors.Find(call.Fd) is { } own) own.Local = call.Address;
                break;
            case CallForm.RemoteName:
                if (call.Result == 0 && call.Address.Port != 0 && process.Descriptors.Find(call.Fd) is { } other) other.Remote = call.Address;
                break;
            case CallForm.Fork:
                if (call.Result > 0) Fork(call, process, (int)call.Result);
                break;
            case CallForm.Exec:
                if (call.Result == 0) Exec(call, process);
                break;
        }
    }

    /// <summary>A thread ended.</summary>
    internal void Exit(long timeNs, int pid, int tid)
    {
        TracedProcess process = Tasks.Of(pid, tid);
        if (tid == process.Pid)
        {
            foreach (int fd in process.Descriptors.All) Untie(process.Descriptors.Remove(fd));
        }

        Begin(CallKind.Exit, process, timeNs, tid);
        add(_event);
        Tasks.Remove(tid);
    }

    /// <summary>A thread woke another.</summary>
    internal void Wake(long timeNs, int pid, int tid, int woken)
    {
        Begin(CallKind.Wake, Tasks.Of(pid, tid), timeNs, tid);
        _event.Child = woken;
        add(_event);
    }

    /// <summary>A thread left the processor.</summary>
    internal void Switch(long timeNs, int pid, int tid, ulong cpuNs)
    {
        Begin(CallKind.Switch, Tasks.Of(pid, tid), timeNs, tid);
        _event.CpuNs = cpuNs;
        add(_event);
    }

    /// <summary>Tells of a process or thread that was made; tracers that show clone and fork need not say more.</summary>
    internal void Fork(TracedCall call, TracedProcess process, int child)
    {
        if (child == process.Pid) return;
        Tasks.Fork(process, child, call.MakesThread, call.SharesFiles);
        Begin(CallKind.Fork, call, process);
        _event.Child = call.MakesThread ? process.Pid : child;
        _event.ChildTid = call.MakesThread ? child : 0;
        add(_event);
    }

    /// <summary>Another program runs.</summary>
    internal void Exec(TracedCall call, TracedProcess process)
    {
        const int LongestComm = 15; // TASK_COMM_LEN without its zero
        string program = call.Program[(call.Program.LastIndexOf('/') + 1)..];
        if (program.Length > 0) process.Comm = program[..Math.Min(program.Length, LongestComm)];
        foreach (int fd in process.Descriptors.EndingAtExec()) Drop(call, process, fd);
        Tasks.Exec(process, call.Tid);
        Begin(CallKind.Exec, call, process);
        add(_event);
    }

    private void Move(CallKind kind, TracedCall call, TracedProcess process, int fd, in SocketLabel label, bool sure, bool quiet = false)
    {
        if (call.Result < 0 || fd < 0) return;
        if (SocketOf(process, fd, label, sure) is not { } socket)
        {
            if (label.Kind == LabelKind.None && fd > 2 && !quiet && !process.Descriptors.IsOther(fd)) unused.Add(UnknownDescriptor);
            return;
        }

        if (call.Messages.Count == 0)
        {
            Tell(kind, call, process, EndOf(kind, call, process, socket, call.Address), call.Result);
            return;
        }

        foreach ((Endpoint address, long bytes) in call.Messages) Tell(kind, call, process, EndOf(kind, call, process, socket, address), bytes);
    }

    private void Tell(CallKind kind, TracedCall call, TracedProcess process, TracedSocket socket, long bytes)
    {
        if (bytes == 0 && kind == CallKind.Send) return;
        Begin(kind, call, process, socket);
        _event.Bytes = (int)Math.Min(bytes, int.MaxValue);
        add(_event);
    }

    /// <summary>A datagram socket that is not connected has one exchange with each address.</summary>
    private TracedSocket EndOf(CallKind kind, TracedCall call, TracedProcess process, TracedSocket socket, Endpoint address)
    {
        if (socket.Protocol != TransportProtocol.Udp || socket.Remote.Port != 0 || address.Port == 0) return socket;
        TracedSocket peer = socket.Peer(address, kind == CallKind.Receive ? SocketRole.Server : SocketRole.Client, out TracedSocket? forgotten);
        if (forgotten is { Told: true }) TellClosed(call, process, forgotten);
        return peer;
    }

    private TracedSocket? Listener(TracedCall call, TracedProcess process)
    {
        TracedSocket? listener = SocketOf(process, call.Fd, call.Label, sure: true);
        if (listener is null) return null;
        listener.Role = SocketRole.Listener;
        if (listener.Protocol == TransportProtocol.None) listener.Protocol = call.Address.Port != 0 ? TransportProtocol.Tcp : call.Address.Path.Length > 0 ? TransportProtocol.Unix : TransportProtocol.None;
        _registry.Listens(listener.Protocol, listener.Local);
        return listener;
    }

    private void Accept(TracedCall call, TracedProcess process)
    {
        TracedSocket? listener = Listener(call, process);
        Drop(call, process, (int)call.Result);
        SocketLabel label = call.ResultLabel;
        TransportProtocol protocol = label.Protocol != TransportProtocol.None ? label.Protocol : listener?.Protocol ?? TransportProtocol.None;
        Endpoint local = label.Local != Endpoint.None ? label.Local : listener?.Local ?? Endpoint.None;
        Endpoint remote = label.Remote != Endpoint.None ? label.Remote : call.Address;
        TracedSocket socket = _registry.Make(protocol, local, remote);
        socket.Role = SocketRole.Server;
        if (label.Kind == LabelKind.Socket) _registry.Learn(socket, in label);
        process.Descriptors.Set((int)call.Result, socket, call.CloseOnExec);
        Begin(CallKind.Accept, call, process, socket);
        add(_event);
    }

    private void Connect(TracedCall call, TracedProcess process)
    {
        if (SocketOf(process, call.Fd, call.Label, sure: true) is not { } socket) return;
        if (call.Address == Endpoint.None && socket.Protocol == TransportProtocol.Udp) return; // AF_UNSPEC: taken apart again
        socket.Role = SocketRole.Client;
        if (call.Address != Endpoint.None) socket.Remote = call.Address;
        if (socket.Protocol == TransportProtocol.None && call.Address.Path.Length > 0) socket.Protocol = TransportProtocol.Unix;
        Begin(CallKind.Connect, call, process, socket);
        add(_event);
    }

    private void Listen(TracedCall call, TracedProcess process)
    {
        if (Listener(call, process) is not { } listener) return;
        Begin(CallKind.Listen, call, process, listener);
        add(_event);
    }

    private TracedSocket Make(TracedProcess process, int fd, in SocketLabel label, TracedCall call)
    {
        Drop(call, process, fd);
        TracedSocket socket = _registry.Make(call.Protocol, Endpoint.None, Endpoint.None);
        if (label.Kind == LabelKind.Socket) _registry.Learn(socket, in label);
        process.Descriptors.Set(fd, socket, call.CloseOnExec);
        return socket;
    }

    private void MakeOther(TracedCall call, TracedProcess process, int fd)
    {
        Drop(call, process, fd);
        process.Descriptors.SetOther(fd);
    }

    private void MakePair(TracedCall call, TracedProcess process)
    {
        TracedSocket one = Make(process, call.Fd, call.Label, call);
        if (call.Protocol == TransportProtocol.Pipe) process.Descriptors.Set(call.Fd2, one, call.CloseOnExec); // a pipe is one object with two descriptors
        else Make(process, call.Fd2, call.Label2, call);
    }

    private void Copy(TracedCall call, TracedProcess process, int fd, bool closeOnExec)
    {
        if (fd == call.Fd) return;
        Drop(call, process, fd);
        if (SocketOf(process, call.Fd, call.Label, sure: false) is { } socket) process.Descriptors.Set(fd, socket, closeOnExec);
    }

    private void Control(TracedCall call, TracedProcess process)
    {
        if (call.Result < 0) return;
        if (call.Argument is Duplicate or DuplicateCloseOnExec) Copy(call, process, (int)call.Result, call.Argument == DuplicateCloseOnExec);
        else if (call.Argument == SetDescriptorFlags) process.Descriptors.SetCloseOnExec(call.Fd, call.CloseOnExec);
    }

    private void Close(TracedCall call, TracedProcess process, int fd, in SocketLabel label)
    {
        if (label.Kind == LabelKind.Socket) SocketOf(process, fd, in label, sure: false);
        Drop(call, process, fd);
    }

    private void Drop(TracedCall call, TracedProcess process, int fd)
    {
        if (process.Descriptors.Remove(fd) is not { } socket) return;
        foreach (TracedSocket peer in socket.Peers)
        {
            if (peer.Told) TellClosed(call, process, peer);
        }

        if (socket.Told) TellClosed(call, process, socket);
        Untie(socket);
    }

    private void Untie(TracedSocket? socket)
    {
        if (socket is { Holders: 0 }) _registry.Forget(socket);
    }

    private void TellClosed(TracedCall call, TracedProcess process, TracedSocket socket)
    {
        Begin(CallKind.Close, call, process, socket);
        _event.TimeNs += call.DurationNs;
        _event.DurationNs = 0;
        add(_event);
    }

    private TracedSocket? SocketOf(TracedProcess process, int fd, in SocketLabel label, bool sure)
    {
        TracedSocket? socket = process.Descriptors.Find(fd);
        if (label.Kind == LabelKind.Other)
        {
            process.Descriptors.Remove(fd);
            return null;
        }

        if (label.Kind == LabelKind.Socket)
        {
            TracedSocket? known = _registry.Find(in label);
            if (known is null && socket is not null && !Contradict(socket, in label)) known = socket;
            known ??= _registry.Make(label.Protocol, label.Local, label.Remote);
            if (known != socket) process.Descriptors.Set(fd, known, closeOnExec: false);
            _registry.Learn(known, in label);
            return known;
        }

        if (socket is null && sure)
        {
            socket = _registry.Make(TransportProtocol.None, Endpoint.None, Endpoint.None);
            process.Descriptors.Set(fd, socket, closeOnExec: false);
        }

        return socket;
    }

    /// <summary>The descriptor refers to something else now: its close was not seen.</summary>
    private static bool Contradict(TracedSocket socket, in SocketLabel label) =>
        (label.Remote.Port != 0 && socket.Remote.Port != 0 && label.Remote != socket.Remote)
        || (label.Local.Port != 0 && socket.Local.Port != 0 && label.Local.Port != socket.Local.Port)
        || (label.Inode != 0 && socket.Inode != 0 && label.Inode != socket.Inode);

    private void Begin(CallKind kind, TracedCall call, TracedProcess process)
    {
        Begin(kind, process, call.TimeNs, call.Tid);
        _event.DurationNs = (uint)Math.Clamp(call.DurationNs, 0, uint.MaxValue);
        _event.CpuNs = call.CpuNs;
    }

    private void Begin(CallKind kind, TracedCall call, TracedProcess process, TracedSocket socket)
    {
        Begin(kind, call, process);
        if (socket.Role == SocketRole.Unknown) socket.Role = _registry.RoleOf(socket);
        socket.Told = true;
        _event.Connection = socket.Id;
        _event.Role = socket.Role;
        _event.Protocol = socket.Protocol;
        _event.Local = socket.Local;
        _event.Remote = socket.Remote;
        _event.Inode = socket.Inode;
        _event.PeerInode = socket.PeerInode;
    }

    private void Begin(CallKind kind, TracedProcess process, long timeNs, int tid)
    {
        _event.Clear();
        _event.Call = kind;
        _event.TimeNs = timeNs;
        _event.Pid = process.Pid;
        _event.Tid = tid;
        _event.Comm = process.Comm;
        _event.Service = process.Comm;
    }
}
