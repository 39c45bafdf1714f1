using System.Net;
using VirtualServices.Discover.Import.Calls;
using VirtualServices.Model;

namespace VirtualServices.Discover.Import.Perf;

/// <summary>Puts enter and exit of calls together, and reads the scheduler's events. perf shows pointers instead of addresses, so connections have ends without names, unless <c>sock:inet_sock_set_state</c> was recorded, too.</summary>
internal sealed class PerfTrace(CallTranslator translator, UnusedCounts unused)
{
    private const int MostThreads = 1 << 20;
    private const long CloneThread = 0x10000, CloneFiles = 0x400;
    private readonly Dictionary<int, Begun> _begun = [];
    private readonly Dictionary<int, ulong> _cpu = [];
    private readonly Dictionary<int, Made> _made = [];
    private readonly TracedCall _call = new();

    /// <summary>Takes in an event.</summary>
    internal void Take(PerfLine line)
    {
        if (line.Tid == 0) return; // the idle thread: whom it wakes, an interrupt woke
        if (_made.Count > 0 && _made.Remove(line.Tid, out Made? made)) Fork(line.Tid, made, line.Pid);
        if (line.Event.StartsWith("syscalls:sys_enter_")) Enter(line, line.Event["syscalls:sys_enter_".Length..]);
        else if (line.Event.StartsWith("syscalls:sys_exit_")) Leave(line, line.Event["syscalls:sys_exit_".Length..]);
        else Other(line);
    }

    /// <summary>The end of the file.</summary>
    internal void Complete()
    {
        foreach ((int child, Made made) in _made.OrderBy(pair => pair.Key)) Fork(child, made, 0);
        unused.Add("calls that had not ended at the end of the trace", _begun.Count);
    }

    private void Enter(PerfLine line, ReadOnlySpan<char> name)
    {
        if (CallNames.KindOf(name) == CallForm.None || _begun.Count >= MostThreads) return;
        _begun[line.Tid] = new Begun(line.TimeNs, name.ToString(), line.Rest.ToString());
    }

    private void Leave(PerfLine line, ReadOnlySpan<char> name)
    {
        CallForm form = CallNames.KindOf(name);
        if (form == CallForm.None) return;
        if (!PerfLine.TryNumber(line.Rest, out long result))
        {
            unused.Add("calls whose arguments could not be read");
            return;
        }

        if (form == CallForm.Exec) return; // sched_process_exec tells
        if (!_begun.Remove(line.Tid, out Begun? begun) || !name.SequenceEqual(begun.Name))
        {
            unused.Add("ends of calls whose begin is missing");
            return;
        }

        if (form == CallForm.Fork)
        {
            if (name is "clone" && result > 0 && PerfLine.TryField(begun.Fields, "clone_flags", out long flags) && _made.Remove((int)result, out Made? made)) Fork((int)result, made with { Flags = flags }, 0);
            return;
        }

        Begin(line, begun.TimeNs);
        _call.Name = begun.Name;
        _call.DurationNs = Math.Max(line.TimeNs - begun.TimeNs, 0);
        _call.Result = result;
        _call.Address = begun.Address;
        if (ReadArguments(form, begun.Name, begun.Fields)) translator.Take(_call);
        else unused.Add(form == CallForm.Pair ? "pipes and socket pairs: perf does not show their descriptors" : "calls whose arguments could not be read");
    }

    private void Begin(PerfLine line, long timeNs)
    {
        _call.Clear();
        _call.TimeNs = timeNs;
        _call.Pid = line.Pid;
        _call.Tid = line.Tid;
        _call.Comm = line.Comm.ToString();
        _call.CpuNs = _cpu.GetValueOrDefault(line.Tid);
    }

    private bool ReadArguments(CallForm form, string name, string fields)
    {
        const int Stream = 1, Datagram = 2, Unix = 1, Inet = 2, Inet6 = 10, CloseOnExec = 0x80000;
        switch (form)
        {
            case CallForm.Socket:
                if (!PerfLine.TryField(fields, "family", out long family) || !PerfLine.TryField(fields, "type", out long type)) return false;
                _call.CloseOnExec = (type & CloseOnExec) != 0;
                _call.Protocol = family switch
                {
                    Unix => TransportProtocol.Unix,
                    Inet or Inet6 when (type & 0xF) == Stream => TransportProtocol.Tcp,
                    Inet or Inet6 when (type & 0xF) == Datagram => TransportProtocol.Udp,
                    _ => TransportProtocol.None,
                };
                return true;
            case CallForm.Other:
                return true;
            case CallForm.Pair:
                return _call.Result < 0;
            case CallForm.Transfer:
                bool splice = name == "splice";
                return TryDescriptor(fields, splice ? "fd_out" : "out_fd", out int to) && TryDescriptor(fields, splice ? "fd_in" : "in_fd", out int from) && Set(to, from);
            case CallForm.Duplicate:
                if (PerfLine.TryField(fields, "flags", out long duplicate)) _call.CloseOnExec = (duplicate & CloseOnExec) != 0;
                return TryDescriptor(fields, name == "dup" ? "fildes" : "oldfd", out int old) && Set(old, -1);
            case CallForm.CloseRange:
                if (!PerfLine.TryField(fields, "max_fd", out long last)) return false;
                _call.Argument = last;
                return TryDescriptor(fields, "fd", out int first) && Set(first, -1);
            case CallForm.Control:
                if (!PerfLine.TryField(fields, "cmd", out long command)) return false;
                _call.Argument = command;
                _call.CloseOnExec = PerfLine.TryField(fields, "arg", out long argument) && (argument & 1) != 0;
                return TryDescriptor(fields, "fd", out int controlled) && Set(controlled, -1);
            default:
                if (PerfLine.TryField(fields, "flags", out long flags)) _call.CloseOnExec = form == CallForm.Accept && (flags & CloseOnExec) != 0;
                return TryDescriptor(fields, "fd", out int fd) && Set(fd, -1);
        }
    }

    private bool Set(int fd, int fd2)
    {
        _call.Fd = fd;
        _call.Fd2 = fd2;
        return true;
    }

    private static bool TryDescriptor(string fields, string name, out int fd)
    {
        fd = -1;
        if (!PerfLine.TryField(fields, name, out long value)) return false;
        fd = unchecked((int)value);
        return true;
    }

    private void Other(PerfLine line)
    {
        switch (line.Event)
        {
            case "sched:sched_process_fork":
                if (PerfLine.TryField(line.Rest, "child_pid", out long child) && child > 0 && _made.Count < MostThreads) _made[(int)child] = new Made(line.TimeNs, line.Pid, line.Tid, line.Comm.ToString(), 0);
                break;
            case "sched:sched_process_exec":
                Begin(line, line.TimeNs);
                _call.Program = PerfLine.TryText(line.Rest, "filename", out ReadOnlySpan<char> file) ? file.ToString() : "";
                translator.Exec(_call, translator.Tasks.Of(line.Pid, line.Tid));
                break;
            case "sched:sched_process_exit":
                _begun.Remove(line.Tid);
                _cpu.Remove(line.Tid);
                translator.Exit(line.TimeNs, line.Pid, line.Tid);
                break;
            case "sched:sched_wakeup" or "sched:sched_waking" or "sched:sched_wakeup_new":
                if (PerfLine.TryField(line.Rest, "pid", out long woken) && woken > 0 && line.Event is not "sched:sched_waking") translator.Wake(line.TimeNs, line.Pid, line.Tid, (int)woken);
                break;
            case "sched:sched_switch":
                translator.Switch(line.TimeNs, line.Pid, line.Tid, _cpu.GetValueOrDefault(line.Tid));
                break;
            case "sched:sched_stat_runtime":
                if (PerfLine.TryField(line.Rest, "pid", out long ran) && PerfLine.TryField(line.Rest, "runtime", out long ns) && ns > 0 && _cpu.Count < MostThreads) _cpu[(int)ran] = _cpu.GetValueOrDefault((int)ran) + (ulong)ns;
                break;
            case "sock:inet_sock_set_state":
                NoteAddress(line);
                break;
            default:
                unused.Add("events that are neither of syscalls nor of sched");
                break;
        }
    }

    /// <summary>Within connect the socket goes to TCP_SYN_SENT: the one place where perf shows an address.</summary>
    private void NoteAddress(PerfLine line)
    {
        if (!line.Rest.EndsWith("newstate=TCP_SYN_SENT") || !_begun.TryGetValue(line.Tid, out Begun? begun) || begun.Name != "connect") return;
        bool six = line.Rest.Contains("family=AF_INET6", StringComparison.Ordinal);
        if (!PerfLine.TryField(line.Rest, "dport", out long port) || port is <= 0 or > ushort.MaxValue || !PerfLine.TryText(line.Rest, six ? "daddrv6" : "daddr", out ReadOnlySpan<char> text) || !IPAddress.TryParse(text, out IPAddress? address)) return;
        _begun[line.Tid] = begun with { Address = Endpoint.Inet(address, (int)port) };
    }

    /// <summary>The tracepoint of fork does not tell threads from processes: the child's own lines do, or the flags of clone.</summary>
    private void Fork(int child, Made made, int pid)
    {
        _call.Clear();
        _call.TimeNs = made.TimeNs;
        _call.Pid = made.Pid;
        _call.Tid = made.Tid;
        _call.Comm = made.Comm;
        _call.MakesThread = pid != 0 ? pid == made.Pid : (made.Flags & CloneThread) != 0;
        _call.SharesFiles = _call.MakesThread || (made.Flags & CloneFiles) != 0;
        translator.Fork(_call, translator.Tasks.Of(made.Pid, made.Tid), child);
    }

    private sealed record Begun(long TimeNs, string Name, string Fields)
    {
        public Endpoint Address { get; init; } = Endpoint.None;
    }

    private sealed record Made(long TimeNs, int Pid, int Tid, string Comm, long Flags);
}
