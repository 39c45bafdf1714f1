using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Linux.Bpf;

namespace VirtualServices.Enforce.Moving;

/// <summary>
/// Puts re-bound processes into the cgroup of their virtual service: one thread of real-time priority that sleeps until a gate wakes it.
/// It alone moves anything, so a reconciliation and a re-bind never cross.
/// </summary>
internal sealed unsafe partial class Mover : IDisposable
{
    private const int NoSuchProcess = 3;
    private const int IdleMilliseconds = 100;

    private readonly RingBuffer _ring;
    private readonly Reconciler? _reconciler;
    private readonly GroupFiles? _files;
    private readonly Thread _thread;
    private volatile bool _stop;
    private volatile bool _reconcile;
    private Exception? _failure;

    /// <summary>Opens the ring and the groups' files.</summary>
    /// <param name="kernel">The gates.</param>
    /// <param name="tree">Where to move to; null in audit mode: then re-binds are only counted.</param>
    /// <param name="reconciler">Null in audit mode.</param>
    public Mover(GateKernel kernel, GroupTree? tree, Reconciler? reconciler)
    {
        _ring = new RingBuffer(kernel["rebinds"]);
        _reconciler = reconciler;
        _files = tree is null ? null : new GroupFiles(tree);
        _thread = new Thread(Run) { Name = "vs-mover", IsBackground = true };
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

    /// <summary>How the thread runs: <c>real-time</c>, <c>nice -20</c> or <c>normal</c>.</summary>
    public string Priority { get; private set; } = "";

    /// <summary>What ended the thread before its time, else null.</summary>
    public Exception? Failure => _failure;

    /// <summary>Moves all that is in a wrong group now, then starts the thread.</summary>
    public void Start()
    {
        // What was re-bound before this moment is seen by the reconciliation, so its events need no move; they would spoil the latencies.
        while (_ring.TryRead(out _))
        {
        }

        _ring.Release();
        Reconcile();
        Warm();
        _thread.Start();
    }

    /// <summary>Asks the thread to compare all processes with their groups.</summary>
    public void RequestReconciliation() => _reconcile = true;

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop = true;
        if (_thread.IsAlive) _thread.Join();
        _ring.Dispose();
        _files?.Dispose();
    }

    private void Run()
    {
        try
        {
            Priority = RaisePriority();
            while (!_stop)
            {
                _ring.Wait(IdleMilliseconds);
                while (_ring.TryRead(out ReadOnlySpan<byte> record)) Move(MemoryMarshal.Read<RebindEvent>(record));
                _ring.Release();
                if (!_reconcile) continue;
                _reconcile = false;
                Reconcile();
            }
        }
        catch (Exception error)
        {
            // The keeper's next round reports it and ends the enforcer.
            _failure = error;
        }
    }

    private void Move(in RebindEvent rebind)
    {
        if (_files is null) return;
        if (rebind.Gate == 0)
        {
            // A new member: where it came from must be remembered before it is moved.
            _reconcile = true;
            return;
        }

        bool thread = rebind.Scope == (uint)Model.BindScope.Thread;
        int errno = _files.Move(rebind.NewVirtualService, thread ? rebind.Tid : rebind.Pid, thread);
        if (errno == 0)
        {
            Moved++;
            Latency.Add(Stopwatch.GetTimestamp() - (long)rebind.AtNs); // both are CLOCK_MONOTONIC in ns
        }
        else
        {
            Count(errno, rebind.Pid);
        }
    }

    private void Reconcile()
    {
        if (_reconciler is null || _files is null) return;
        foreach ((uint id, uint virtualService, bool thread) in _reconciler.Misplaced())
        {
            int errno = _files.Move(virtualService, id, thread);
            if (errno == 0) Reconciled++;
            else Count(errno, id);
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
        for (int i = 0; i < 64; i++) Move(none);
        new LatencyHistogram().Add(1);
        Gone = gone;
    }

    private static string RaisePriority()
    {
        const int Fifo = 1, ProcessPriority = 0;
        int priority = 1;
        if (sched_setscheduler(0, Fifo, &priority) == 0) return "real-time";
        return setpriority(ProcessPriority, 0, -20) == 0 ? "nice -20" : "normal";
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int sched_setscheduler(int pid, int policy, int* parameters);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setpriority(int which, uint who, int priority);
}
