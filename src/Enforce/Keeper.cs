using VirtualServices.Enforce.Admission;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Members;
using VirtualServices.Enforce.Moving;
using VirtualServices.Enforce.Network;
using VirtualServices.Enforce.Rules;
using VirtualServices.Enforce.Shares;
using VirtualServices.Linux.Bpf;
using VirtualServices.Linux.Cgroups;
using VirtualServices.Model;

namespace VirtualServices.Enforce;

/// <summary>The slow half of the enforcer: finds members that start later, has misplaced processes moved, and writes the heartbeat.</summary>
internal sealed class Keeper : IDisposable
{
    private static readonly TimeSpan Round = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan SlowScan = TimeSpan.FromSeconds(5);

    private readonly GateKernel _kernel;
    private readonly CompiledRules _rules;
    private readonly uint _generation;
    private readonly MemberScan _scan;
    private readonly ExistingConnections _connections;
    private readonly Mover _mover;
    private readonly ShareKeeper? _shares;
    private readonly Reconciler? _reconciler;
    private readonly NetworkGovernor _network;
    private readonly AdmissionLoop? _admission;
    private readonly EnforceOptions _options;
    private readonly RingBuffer _news;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Thread _thread;
    private AgentRecord _agent;
    private bool _misplacedBefore;

    /// <summary>Prepares; <see cref="Start"/> begins.</summary>
    public Keeper(GateKernel kernel, CompiledRules rules, uint generation, MemberScan scan, ExistingConnections connections, Mover mover, ShareKeeper? shares, Reconciler? reconciler, NetworkGovernor network, AdmissionLoop? admission, EnforceOptions options, CpuHierarchy? hierarchy)
    {
        (_kernel, _rules, _generation, _admission) = (kernel, rules, generation, admission);
        (_scan, _connections, _mover, _shares, _reconciler, _network, _options) = (scan, connections, mover, shares, reconciler, network, options);
        _news = new RingBuffer(kernel["news"]);
        _thread = new Thread(Run) { Name = "vs-keeper", IsBackground = true };
        Agent.TryRead(kernel["agent"], out AgentRecord before);
        _agent = new AgentRecord
        {
            Magic = Agent.Magic,
            Pid = (uint)Environment.ProcessId,
            Audit = options.Audit ? 1u : 0,
            SinceUnixMs = before.SinceUnixMs != 0 ? before.SinceUnixMs : DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(),
            CpuShares = (uint)(hierarchy?.Version ?? 0),
        };
        GateKernel.ProgramDigest.CopyTo(_agent.Programs);
    }

    /// <summary>Faults where the enforcer cannot go on.</summary>
    public Task Completion => _completion.Task;

    /// <summary>Writes the first heartbeat and starts the threads.</summary>
    public void Start()
    {
        Agent.Write(_kernel, _agent, _mover);
        _shares?.Start();
        _thread.Start();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Cancel();
        if (_thread.IsAlive) _thread.Join();
        _shares?.Dispose();
        _completion.TrySetResult();
        _news.Dispose();
        _stop.Dispose();
    }

    private void Run()
    {
        try
        {
            long lastScan = Environment.TickCount64, lastCount = lastScan;
            while (!_stop.Token.WaitHandle.WaitOne(Round))
            {
                if (_mover.Failure is { } failure) throw new InvalidOperationException("the mover stopped", failure);
                if (!Pins.Default.Exist) throw new VsException(ExitCode.HostLacks, "somebody removed the pins of the gates in the BPF file system, so the gates are gone: enforcement ends, processes go to the root cgroup");
                if (_shares?.Failure is { } broken) throw new InvalidOperationException("the share feedback stopped", broken);
                if (_network.Failure is { } networkFailure) throw new InvalidOperationException("the network governor stopped", networkFailure);
                if (_admission?.Failure is { } ended) throw new InvalidOperationException("admission stopped", ended);
                if (DrainNews() || Environment.TickCount64 - lastScan > SlowScan.TotalMilliseconds)
                {
                    Scan();
                    lastScan = Environment.TickCount64;
                }

                if (_rules.Counters.Count > 0 && Environment.TickCount64 - lastCount > SlowScan.TotalMilliseconds)
                {
                    if (_rules.Counters.Any(counter => counter.CountsSockets)) _kernel.Run("count_idle");
                    if (_rules.Counters.Any(counter => counter.CountsProcesses)) _kernel.Run("count_members");
                    lastCount = Environment.TickCount64;
                }

                CheckGroups();
                Agent.Write(_kernel, _agent, _mover);
            }

            Agent.Write(_kernel, _agent, _mover);
        }
        catch (Exception error)
        {
            _completion.TrySetException(error);
        }
    }

    // Programs that were started or that began to listen: one of them may be a member.
    private bool DrainNews()
    {
        bool any = false;
        while (_news.TryRead(out _)) any = true;
        _news.Release();
        return any;
    }

    private void Scan()
    {
        int changed = _scan.RunUntilStable();
        MemberTables.Write(_kernel, _rules, _generation); // an executable may have been replaced
        _admission?.Refresh();
        if (changed == 0) return;
        int bound = _connections.Bind();
        _options.Log?.Invoke($"{changed} new processes of front doors and services, {bound} that serve existing connections");
        _mover.RequestReconciliation();
    }

    // Out of place twice in a row is no move in flight: it is a fork that overtook one.
    private void CheckGroups()
    {
        if (_reconciler is null) return;
        bool misplaced = _reconciler.Count(_kernel.Run<TaskRecord>("list_tasks")) > 0;
        if (misplaced && _misplacedBefore) _mover.RequestReconciliation();
        _misplacedBefore = misplaced;
    }
}
