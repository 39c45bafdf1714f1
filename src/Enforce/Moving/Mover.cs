using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Linux.Bpf;
using VirtualServices.Linux.Processes;

namespace VirtualServices.Enforce.Moving;

/// <summary>
/// Puts re-bound processes into the cgroup of their virtual service: for each processor a thread of real-time priority that sleeps until a gate wakes it there. A thread that waited on another processor
/// would be woken by an interrupt to it, which takes tens of microseconds where that one is idle or virtual. One of them moves at a time, so a reconciliation and a re-bind never cross.
/// </summary>
internal sealed unsafe partial class Mover : IDisposable
{
    private const int NoSuchProcess = 3;
    private const int JoinMilliseconds = 10;

    private readonly BpfMap[] _maps;
    private readonly RingBuffer[] _rings;
    private readonly Thread[] _threads;
    private readonly Reconciler? _reconciler;
    private readonly GroupFiles? _files;
    private readonly LastMoves _last = new();
    private readonly Signal _reconcile = new();
    private readonly Lock _moving = new();
    private volatile bool _stop;
    private Exception? _failure;

    /// <summary>Opens the rings and the groups' files.</summary>
    /// <param name="kernel">The gates.</param>
    /// <param name="tree">Where to move to; null in audit mode: then re-binds are only counted.</param>
    /// <param name="reconciler">Null in audit mode.</param>
    public Mover(GateKernel kernel, GroupTree? tree, Reconciler? reconciler)
    {
        _maps = [.. Enumerable.Range(0, BpfMap.PossibleCpus).Select(kernel.RebindsOf)];
        _rings = [.. _maps.Select(map => new RingBuffer(map))];
        _reconciler = reconciler;
        _files = tree is null ? null : new GroupFiles(tree);
        _threads = [.. _rings.Select((ring, cpu) => new Thread(() => Run(ring, cpu)) { Name = $"vs-mover/{cpu}", IsBackground = true })];
    }

    /// <summary>Time from a re-bind to the end of the move.</summary>
    public LatencyHistogram Latency { get; } = new();

    /// <summary>Processes and threads moved after a re-bind.</summary>
    public long Moved { get; private set; }

    /// <summary>Processes that had ended before they could be moved.</summary>
    public long Gone { get; private set; }

    /// <summary>Moves that the kernel refused.</summary>
    public long Failed { get; private set; }

    /// <summary>Processes found in a wrong group and moved by a reconciliation.</summary>
    public long Reconciled { get; private set; }

    /// <summary>Words of the last refusal, empty where there was none.</summary>
    public string LastError { get; private set; } = "";

    /// <summary>How the threads run: <c>real-time</c>, <c>nice -20</c> or <c>normal</c>.</summary>
    public string Priority { get; private set; } = "";

    /// <summary>What ended a thread before its time, else null.</summary>
    public Exception? Failure => Volatile.Read(ref _failure);

    /// <summary>Moves all that is in a wrong group now, then starts the threads.</summary>
    public void Start()
    {
        // What was re-bound before this moment is seen by the reconciliation, so its events need no move; they would spoil the latencies.
        foreach (RingBuffer ring in _rings)
        {
            while (ring.TryRead(out _))
            {
            }

            ring.Release();
        }

        Reconcile();
        Warm();
        foreach (Thread thread in _threads) thread.Start();
    }

    /// <summary>Asks for a comparison of all processes with their groups.</summary>
    public void RequestReconciliation() => _reconcile.Set();

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop = true;
        foreach (Thread thread in _threads)
        {
            // Another thread may take the signal that was to wake this one.
            while (thread.IsAlive)
            {
                _reconcile.Set();
                thread.Join(JoinMilliseconds);
            }
        }

        foreach (RingBuffer ring in _rings) ring.Dispose();
        foreach (BpfMap map in _maps) map.Dispose();
        _files?.Dispose();
        _reconcile.Dispose();
    }

    private void Run(RingBuffer ring, int cpu)
    {
        try
        {
            // A processor that is off, or not for us, has no events, or they are served from where we may run.
            Pin(cpu);
            Priority = RaisePriority();
            while (!_stop)
            {
                ring.Wait(-1, _reconcile);
                bool any = false, joined = false;
                while (ring.TryRead(out ReadOnlySpan<byte> record))
                {
                    any = true;
                    joined |= !TryMove(MemoryMarshal.Read<RebindEvent>(record));
                }

                ring.Release();
                if (_stop) return;
                if (_reconcile.TryTake() || joined) Reconcile();

                // A record is begun and not ended, for which the kernel has no event: who writes it was preempted, perhaps by this thread, whose priority would keep it off this processor.
                else if (!any && ring.PendingBytes > 0) Thread.Sleep(1);
            }
        }
        catch (Exception error)
        {
            // The keeper's next round reports it and ends the enforcer.
            Volatile.Write(ref _failure, error);
        }
    }

    // False for a new member: where it came from must be remembered before it is moved.
    private bool TryMove(in RebindEvent rebind)
    {
        if (_files is null) return true;
        if (rebind.Gate == 0) return false;

        bool thread = rebind.Scope == (uint)Model.BindScope.Thread;
        uint id = thread ? rebind.Tid : rebind.Pid;
        lock (_moving)
        {
            // It may have been re-bound again on another processor, whose thread was faster.
            if (!_last.IsNewer(id, thread, rebind.AtNs)) return true;
            int errno = _files.Move(rebind.NewVirtualService, id, thread);
            if (errno == 0)
            {
                Moved++;
                long latency = Stopwatch.GetTimestamp() - (long)rebind.AtNs; // both are CLOCK_MONOTONIC in ns
                Latency.Add(latency);
                EnforcerInstruments.MoveLatency.Record(latency / 1e9);
            }
            else
            {
                Count(errno, rebind.Pid);
            }
        }

        return true;
    }

    private void Reconcile()
    {
        if (_reconciler is null || _files is null) return;
        lock (_moving)
        {
            foreach ((uint id, uint virtualService, bool thread) in _reconciler.Misplaced())
            {
                int errno = _files.Move(virtualService, id, thread);
                if (errno == 0) Reconciled++;
                else Count(errno, id);
            }
        }
    }

    private void Count(int errno, uint pid)
    {
        if (errno == NoSuchProcess)
        {
            Gone++;
            return;
        }

        Failed++;
        LastError = $"process {pid}: {new Win32Exception(errno).Message}";
    }

    // The first event must not pay for the compiler: all of its path runs once for a process that does not exist.
    private void Warm()
    {
        if (_files is null) return;
        RebindEvent none = new() { Gate = uint.MaxValue, NewVirtualService = IdTable.BestEffort, Pid = int.MaxValue, Tid = int.MaxValue, AtNs = (ulong)Stopwatch.GetTimestamp() };
        long gone = Gone;
        for (int i = 0; i < 64; i++) TryMove(none);
        new LatencyHistogram().Add(1);
        Gone = gone;
    }

    private static void Pin(int cpu)
    {
        byte* mask = stackalloc byte[cpu / 8 + 8];
        new Span<byte>(mask, cpu / 8 + 8).Clear();
        mask[cpu / 8] = (byte)(1 << (cpu % 8)); // the mask is of longs, little-endian on all machines that .NET runs on
        _ = sched_setaffinity(0, (nuint)(cpu / 8 + 8), mask);
    }

    private static string RaisePriority() => ThreadScheduling.RealTime(1) ? "real-time" : ThreadScheduling.SetNice(-20) ? "nice -20" : "normal";

    [LibraryImport("libc")]
    private static partial int sched_setaffinity(int pid, nuint bytes, byte* mask);
}
