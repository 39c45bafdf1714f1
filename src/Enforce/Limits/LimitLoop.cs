using System.Diagnostics;
using System.Runtime.InteropServices;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Rules;
using VirtualServices.Linux.Bpf;

namespace VirtualServices.Enforce.Limits;

/// <summary>The thread that lets processes go on which are stopped at a limit: when there is room, when they have waited long enough, and all of them when it ends.</summary>
internal sealed partial class LimitLoop : ILimitRoom, IDisposable
{
    private const int BusyMs = 2, IdleMs = 10, UnderWayMs = 20;
    private const long ExpireNs = 1_000_000_000, CalmNs = 5_000_000_000, ScanNs = 50_000_000;
    private const int MostTries = 16;
    private const uint NearLimit = 16; // NEAR_LIMIT in gates.h

    private readonly LimitKernel _programs;
    private readonly BpfMap _stopped, _decisions, _parents, _limits;
    private readonly RingBuffer _ring;
    private readonly MappedArray<CounterUse> _uses;
    private readonly MappedArray<ulong> _queued;
    private readonly MappedArray<StopControl> _control;
    private readonly uint _generation;
    private readonly uint[] _limited;
    private readonly bool _always;
    private readonly LimitQueues _queues = new();
    private readonly Dictionary<int, GoingOn> _goingOn = [];
    private readonly List<int> _visited = [];
    private readonly Watchdog _watchdog;
    private readonly Thread _thread;
    private volatile bool _stop;
    private bool _watches, _late, _left;
    private long _near, _scans;
    private Exception? _failure;

    /// <summary>Prepares; <see cref="Start"/> begins.</summary>
    public LimitLoop(GateKernel gates, LimitKernel programs, CompiledRules rules, uint generation, string freeFile)
    {
        _limited = [.. rules.Counters.Where(counter => counter.Limit is { Processes: > 0, Action: LimitKind.Errno or LimitKind.Block }).Select(counter => counter.Counter)];

        // What makes a socket cannot be stopped once it has made the last one: there is no place for it.
        _always = rules.Counters.Any(counter => counter.Limit is { Sockets: > 0, Action: LimitKind.Block });
        (_programs, _generation) = (programs, generation);
        (_stopped, _decisions, _parents, _limits) = (gates["stopped_calls"], gates["decisions"], gates["counter_parents"], gates["limits"]);
        _uses = new MappedArray<CounterUse>(gates["counter_uses"]);
        _queued = new MappedArray<ulong>(gates["queues"]);
        _control = new MappedArray<StopControl>(gates["stop_control"]);
        _ring = new RingBuffer(gates["stops"]);
        _watchdog = new Watchdog(freeFile);
        _thread = new Thread(Run) { Name = "vs-limits", IsBackground = true };
    }

    /// <summary>What ended the thread before its time, else null.</summary>
    public Exception? Failure => _failure;

    /// <summary>Forgets what an enforcer before stopped, which is let go by now, and begins.</summary>
    public void Start()
    {
        Forget();
        Open(Stopwatch.GetTimestamp());
        _programs.Attach();
        Watch(Stopwatch.GetTimestamp());
        _thread.Start();
    }

    /// <inheritdoc/>
    public long Left(uint counter, CountKind kind)
    {
        if (!_limits.TryLookup(counter, out LimitPair pair)) return long.MaxValue;
        LimitRecord limit = _generation % 2 == 0 ? pair.Even : pair.Odd;
        uint most = kind == CountKind.Sockets ? limit.Sockets : limit.Processes;
        if (limit.Generation != _generation || most == 0) return long.MaxValue;
        ref CounterUse use = ref _uses[(int)counter];
        return most - (long)(kind == CountKind.Sockets ? use.Sockets : use.Processes);
    }

    /// <inheritdoc/>
    public uint Above(uint counter) => _parents.TryLookup(counter, out uint above) ? above : 0;

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop = true;
        if (_thread.IsAlive) _thread.Join();
        _watchdog.Dispose();
        _ring.Dispose();
        _control.Dispose();
        _queued.Dispose();
        _uses.Dispose();
        _programs.Dispose();
    }

    private void Run()
    {
        try
        {
            const int Fifo = 1;
            int priority = 1;
            unsafe
            {
                _ = sched_setscheduler(0, Fifo, &priority);
            }

            while (!_stop)
            {
                long now = Beat();
                Watch(now);
                Look(now);

                // The watchdog was quicker than we are, by its clock or by ours; nobody is stopped before it is taken back.
                if (_late || Volatile.Read(ref _control[0].Closed) != 0) Recover();
                _ = _ring.Wait(_left || _queues.Count > 0 ? BusyMs : IdleMs);
            }
        }
        catch (Exception error)
        {
            _failure = error; // the keeper's next round reports it, and ends enforcement
        }

        try
        {
            _programs.Detach();
            LetAllGo(lives: false);
        }
        catch (Exception error)
        {
            _failure ??= error; // the watchdog lets all go when it hears no more of us
        }
    }

    // Near a limit calls are watched, and some time after: who comes and goes there shall not have it begun and ended all the time.
    private void Watch(long now)
    {
        bool near = _always || _queues.Count > 0 || IsNear();
        if (near) _near = now;
        if (near == _watches || (!near && now - _near < CalmNs)) return;
        _watches = near;
        if (near) _programs.Watch(true);
        Volatile.Write(ref _control[0].Watched, near ? 1ul : 0);
        if (!near) _programs.Watch(false);
    }

    private bool IsNear()
    {
        foreach (uint counter in _limited)
        {
            if (!_limits.TryLookup(counter, out LimitPair pair)) continue;
            LimitRecord limit = _generation % 2 == 0 ? pair.Even : pair.Odd;
            if (_uses[(int)counter].Processes + Math.Max(1, limit.Processes / NearLimit) >= limit.Processes) return true;
        }

        return false;
    }

    // The kernel may stop somebody at any time, so the watchdog has to hear of us all the time: in the middle of long work, too.
    private long Beat()
    {
        long now = Stopwatch.GetTimestamp(); // CLOCK_MONOTONIC, ns
        Volatile.Write(ref _control[0].BeatNs, (ulong)now);
        if (!_watchdog.Beat(held: true, now)) _late = true;
        return now;
    }

    private void Look(long now)
    {
        while (_ring.TryRead(out ReadOnlySpan<byte> told))
        {
            Meet(MemoryMarshal.Read<int>(told), now);
            _left = true; // the ring may have been full
            Beat();
        }

        _ring.Release();
        if ((_left || _queues.Count > 0) && now >= _scans) Scan();
        _visited.Clear();
        _visited.AddRange(_goingOn.Keys);
        foreach (int pid in _visited)
        {
            Visit(pid, now);
            Beat();
        }

        foreach ((int pid, WaitEnd end) in _queues.Decide(now, this))
        {
            Carry(pid, end, now);
            Beat();
        }
    }

    // All of them, now and then: whom the ring had no place for, and who waits for its tracer.
    private void Scan()
    {
        long now = Beat();
        _left = false;
        HashSet<uint> there = [.. _stopped.Keys<uint>()];
        foreach (uint pid in there)
        {
            Meet((int)pid, now);
            Beat();
        }

        _visited.Clear();
        foreach (int pid in _queues.Processes)
            if (!there.Contains((uint)pid)) _visited.Add(pid);
        foreach (int pid in _visited)
            if (!_stopped.TryLookup((uint)pid, out StoppedCall _)) Drop(pid);
        long end = Beat();
        _scans = end + Math.Max(ScanNs, 10 * (end - now)); // thousands may wait
    }

    // A process was stopped, for the first time or again.
    private void Meet(int pid, long now)
    {
        if (!_stopped.TryLookup((uint)pid, out StoppedCall call)) return;
        if (call.State == WaitState.Watch)
        {
            Drop(pid);
            Watch(now);
            if (!StoppedProcess.Read(pid, (int)call.Tid, out _, out bool traced) || !traced) GoOn(pid, call, ends: true);
            else _left = true;
        }
        else if (!_queues.Contains(pid, call))
        {
            Drop(pid);
            _queues.Add(pid, call);
        }
        else if (_goingOn.TryGetValue(pid, out GoingOn going) && going.Stops != call.Stops)
        {
            if (going.Decided)
            {
                // Another thread of it has stopped it, which has to wait until this one has made its call.
                _goingOn[pid] = going with { Stops = call.Stops, Hindered = true };
                GoOn(pid, call, ends: false);
            }
            else
            {
                _goingOn.Remove(pid);
                _queues.Again(pid, this);
            }
        }
    }

    // One that went on, or that was to go on and could not.
    private void Visit(int pid, long now)
    {
        GoingOn going = _goingOn[pid];
        if (!_stopped.TryLookup((uint)pid, out StoppedCall call))
        {
            Drop(pid);
            return;
        }

        if (now - going.SinceNs < ExpireNs) return;
        _queues.Expire(pid, this);
        _goingOn[pid] = going with { SinceNs = now };
        bool lives = StoppedProcess.Read(pid, (int)call.Tid, out bool stopped, out bool traced);
        if (lives && (traced || (stopped && call.Others != 0))) return; // it goes on when they let it
        if (lives && stopped && !going.Decided)
        {
            _goingOn.Remove(pid);
            _queues.Again(pid, this); // nobody traces it any more
            return;
        }

        // It does something else, or its thread has ended: then others of the process may be stopped, or be this moment.
        bool ends = !stopped || going.Hindered;
        GoOn(pid, call, ends, again: stopped);
        if (ends) Drop(pid);
    }

    private void Carry(int pid, WaitEnd end, long now)
    {
        if (!_stopped.TryLookup((uint)pid, out StoppedCall call) || !_queues.Contains(pid, call))
        {
            Drop(pid);
            return;
        }

        _goingOn[pid] = new GoingOn(now, call.Stops, Hindered: false, Decided: false);
        StoppedProcess.Read(pid, (int)call.Tid, out _, out bool traced);
        if (traced) return; // decided anew when nobody traces it any more
        if (end == WaitEnd.Fails && call.Kind == CountKind.Processes)
        {
            if (StoppedProcess.Fail(pid, (int)call.Tid, (int)call.Error))
            {
                GoOn(pid, call, ends: true);
                Drop(pid);
                return;
            }

            // A handler of a signal runs before the call is made again: then it stops again.
            if (_queues.TimesOf(pid) < MostTries)
            {
                GoOn(pid, call, ends: false);
                return;
            }
        }

        _goingOn[pid] = _goingOn[pid] with { Decided = true };
        _decisions.Update((uint)pid, call.Decision(refused: end == WaitEnd.Fails && call.Kind == CountKind.Sockets));
        GoOn(pid, call, ends: false);
    }

    // Who ends takes its entry along: as long as that is there, the process that was opened before is the one that was stopped. Whose entry is taken away here goes on, for somebody may have counted on it.
    private void GoOn(int pid, in StoppedCall call, bool ends, bool again = true)
    {
        int process = StoppedProcess.Open(pid);
        if (process < 0) return;
        try
        {
            if (!_stopped.TryLookup((uint)pid, out StoppedCall now) || now.SinceNs != call.SinceNs) return;
            if (ends && !End(pid, out now)) return;
            if (now.Others != StoppedProcess.Stop) StoppedProcess.GoOn(process, again ? (int)now.Others : 0);
        }
        finally
        {
            StoppedProcess.Close(process);
        }
    }

    private void Drop(int pid)
    {
        _queues.Remove(pid, this);
        _goingOn.Remove(pid);
    }

    // The kernel takes an entry away, too, when the call goes on: who takes it away counts.
    private bool End(int pid, out StoppedCall call)
    {
        _decisions.Delete((uint)pid);
        if (!_stopped.TryTake((uint)pid, out call)) return false;
        _programs.Forget(call.Tid);
        Interlocked.Decrement(ref _queued[(int)(call.Counter * 2 + (uint)call.Kind)]);
        return true;
    }

    // The watchdog let all go because we were late.
    private void Recover()
    {
        LetAllGo(lives: true);
        _late = false;
        Open(Stopwatch.GetTimestamp());
    }

    private void LetAllGo(bool lives)
    {
        LimitKernel.FreeAll(Pins.Default);
        if (lives) Beat();
        Thread.Sleep(UnderWayMs); // once more for whoever was being stopped when we looked
        if (lives) Beat();
        LimitKernel.FreeAll(Pins.Default);
        Forget();
    }

    private void Forget()
    {
        foreach (uint pid in _stopped.Keys<uint>()) End((int)pid, out _);
        _queues.Clear();
        _goingOn.Clear();
    }

    private void Open(long now)
    {
        Volatile.Write(ref _control[0].BeatNs, (ulong)now);
        if (!_watches) Volatile.Write(ref _control[0].Watched, 0);
        Volatile.Write(ref _control[0].Closed, 0);
    }

    // Since when, how often it had been stopped by then, whether other threads of it were stopped since, and whether the kernel was told that its call passes.
    private readonly record struct GoingOn(long SinceNs, uint Stops, bool Hindered, bool Decided);

    [LibraryImport("libc")]
    private static unsafe partial int sched_setscheduler(int pid, int policy, int* parameters);
}
