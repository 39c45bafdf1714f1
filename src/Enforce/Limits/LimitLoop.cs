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
    private const long ExpireNs = 1_000_000_000, CalmNs = 5_000_000_000;
    private const uint NearLimit = 16; // NEAR_LIMIT in gates.h

    private readonly LimitKernel _programs;
    private readonly BpfMap _stopped, _parents, _limits;
    private readonly RingBuffer _ring;
    private readonly MappedArray<CounterUse> _uses;
    private readonly MappedArray<ulong> _queued;
    private readonly MappedArray<StopControl> _control;
    private readonly uint _generation;
    private readonly uint[] _limited;
    private readonly bool _always;
    private readonly LimitQueues _queues = new();
    private readonly Dictionary<int, long> _goingOn = [];
    private readonly List<int> _gone = [];
    private readonly Watchdog _watchdog;
    private readonly Thread _thread;
    private volatile bool _stop;
    private bool _watches;
    private long _near;
    private Exception? _failure;

    /// <summary>Prepares; <see cref="Start"/> begins.</summary>
    public LimitLoop(GateKernel gates, LimitKernel programs, CompiledRules rules, uint generation, string freeFile)
    {
        _limited = [.. rules.Counters.Where(counter => counter.Limit is { Processes: > 0, Action: LimitKind.Errno or LimitKind.Block }).Select(counter => counter.Counter)];

        // What makes a socket cannot be stopped once it has made the last one: there is no place for it.
        _always = rules.Counters.Any(counter => counter.Limit is { Sockets: > 0, Action: LimitKind.Block });
        (_programs, _generation) = (programs, generation);
        (_stopped, _parents, _limits) = (gates["stopped_calls"], gates["counter_parents"], gates["limits"]);
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

            bool told = false;
            while (!_stop)
            {
                long now = Stopwatch.GetTimestamp(); // CLOCK_MONOTONIC, ns
                Volatile.Write(ref _control[0].BeatNs, (ulong)now);
                Watch(now);
                if (told || _queues.Count > 0) Look(now);
                if (!_watchdog.Beat(held: true, Stopwatch.GetTimestamp())) Recover(); // the kernel may stop somebody at any time
                told = _ring.Wait(_queues.Count > 0 ? BusyMs : IdleMs);
                while (_ring.TryRead(out _)) told = true;
                _ring.Release();
            }
        }
        catch (Exception error)
        {
            _failure = error; // the keeper's next round reports it, and ends enforcement
        }

        try
        {
            _programs.Detach();
            LimitKernel.FreeAll(Pins.Default);
            Thread.Sleep(UnderWayMs); // once more for whoever was being stopped when we looked
            LimitKernel.FreeAll(Pins.Default);
            Forget();
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

    private void Look(long now)
    {
        foreach (uint key in _stopped.Keys<uint>())
        {
            int pid = (int)key;
            if (!_stopped.TryLookup(key, out StoppedCall call) || _queues.Contains(pid, call)) continue;
            _queues.Remove(pid, this);
            _goingOn.Remove(pid);
            if (call.State != WaitState.Watch)
            {
                _queues.Add(pid, call);
            }
            else
            {
                End(pid, call);
                if (call.Others == 0) StoppedProcess.GoOn(pid);
            }
        }

        _gone.Clear();
        foreach (int pid in _queues.Processes)
            if (!_stopped.TryLookup((uint)pid, out StoppedCall call) || IsOver(pid, call, now)) _gone.Add(pid);
        foreach (int pid in _gone)
        {
            _queues.Remove(pid, this);
            _goingOn.Remove(pid);
        }

        foreach ((int pid, WaitEnd end) in _queues.Decide(now, this)) Carry(pid, end, now);
    }

    // It ended, or went on and did something else. Who went on and is still stopped, because somebody traced or stopped it, is continued as soon as nobody does.
    private bool IsOver(int pid, in StoppedCall call, long now)
    {
        bool goesOn = _goingOn.TryGetValue(pid, out long since);
        if (goesOn && now - since < ExpireNs) return false;
        bool stopped = StoppedProcess.IsStopped(pid, out bool gone);
        if (goesOn && !gone)
        {
            _queues.Expire(pid, this);
            _goingOn[pid] = now;
            if (call.Others != 0) return false;
            if (stopped)
            {
                StoppedProcess.GoOn(pid);
                return false;
            }
        }

        if (!gone && !goesOn) return false;
        End(pid, call);
        return true;
    }

    private void Carry(int pid, WaitEnd end, long now)
    {
        if (!_stopped.TryLookup((uint)pid, out StoppedCall call)) return;
        if (end == WaitEnd.Fails && call.Kind == CountKind.Processes && StoppedProcess.Fail((int)call.Tid, (int)call.Error))
        {
            End(pid, call);
            _queues.Remove(pid, this);
        }
        else
        {
            // A fork that cannot be made to fail goes on: the process is traced by somebody, or continued.
            WaitState state = end == WaitEnd.Fails && call.Kind == CountKind.Sockets ? WaitState.Refused : WaitState.Over;
            _stopped.Update((uint)pid, call with { State = state });
            _goingOn[pid] = now;
        }

        if (call.Others == 0) StoppedProcess.GoOn(pid);
    }

    // The kernel takes an entry away, too, when the call goes on: who takes it away counts.
    private void End(int pid, in StoppedCall call)
    {
        if (_stopped.Delete((uint)pid)) Interlocked.Decrement(ref _queued[(int)(call.Counter * 2 + (uint)call.Kind)]);
    }

    // The watchdog let all go because we were late.
    private void Recover()
    {
        LimitKernel.FreeAll(Pins.Default);
        Forget();
        Open(Stopwatch.GetTimestamp());
    }

    private void Forget()
    {
        foreach (uint pid in _stopped.Keys<uint>())
            if (_stopped.TryLookup(pid, out StoppedCall call)) End((int)pid, call);
        _queues.Clear();
        _goingOn.Clear();
    }

    private void Open(long now)
    {
        Volatile.Write(ref _control[0].BeatNs, (ulong)now);
        if (!_watches) Volatile.Write(ref _control[0].Watched, 0);
        Volatile.Write(ref _control[0].Closed, 0);
    }

    [LibraryImport("libc")]
    private static unsafe partial int sched_setscheduler(int pid, int policy, int* parameters);
}
