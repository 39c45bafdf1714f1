using System.Diagnostics;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Moving;
using VirtualServices.Linux.Bpf;
using VirtualServices.Linux.Cgroups;
using VirtualServices.Linux.Processes;
using VirtualServices.Model;

namespace VirtualServices.Enforce.Shares;

/// <summary>Runs the share feedback: a thread that reads what each virtual service used and corrects the weights of the groups.</summary>
internal sealed class ShareKeeper : IDisposable
{
    // A tenth is below what a weight can be seen to do; each write takes a lock of the scheduler.
    private const double LeastChange = 0.1;
    private static readonly TimeSpan ShortestPeriod = TimeSpan.FromMilliseconds(50);

    // Reading and reckoning take 0.75 µs for each (measured with 1,000 on two CPUs): however many there are, it stays at 1 % of a core.
    private static readonly TimeSpan PeriodPerVirtualService = TimeSpan.FromMicroseconds(75);

    private readonly BpfMap _runtimes;
    private readonly CpuHierarchy _hierarchy;
    private readonly uint[] _ids;
    private readonly string[] _groups;
    private readonly ShareFeedback _feedback;
    private readonly ulong[] _before;
    private readonly uint[] _keys;
    private readonly ulong[] _perCpu;
    private readonly double[] _cpus;
    private readonly int[] _wanted;
    private readonly int[] _written;
    private readonly ManualResetEventSlim _stop = new();
    private readonly Thread _thread;
    private WeightGuard? _guard;
    private Exception? _failure;

    /// <summary>Prepares; <see cref="Start"/> begins.</summary>
    /// <param name="kernel">The gates.</param>
    /// <param name="tree">Groups whose shares are as the rules say.</param>
    /// <param name="virtualServices">Parents before children.</param>
    public ShareKeeper(GateKernel kernel, GroupTree tree, IReadOnlyList<(uint Id, VirtualService VirtualService)> virtualServices)
    {
        _runtimes = kernel["vs_runtime"];
        _hierarchy = tree.Hierarchy;
        _ids = [.. virtualServices.Select(vs => vs.Id)];
        _groups = [.. virtualServices.Select(vs => tree.GroupOf(vs.Id))];
        Dictionary<string, int> index = virtualServices.Select((vs, at) => (vs.VirtualService.Name, at)).ToDictionary(pair => pair.Name, pair => pair.at);
        ShareNode[] nodes = [.. virtualServices.Select(vs => new ShareNode(vs.VirtualService.Parent is { } parent ? index[parent] : -1, vs.VirtualService.Cpu.Weight))];
        _feedback = new ShareFeedback(nodes, OnlineCpus.Count());
        _before = new ulong[nodes.Length];
        _keys = new uint[_ids.Max() + 1];
        _perCpu = new ulong[_keys.Length * BpfMap.PossibleCpus];
        _cpus = new double[nodes.Length];
        _wanted = new int[nodes.Length];
        _written = [.. nodes.Select(node => node.Weight)];
        _thread = new Thread(Run) { Name = "vs-shares", IsBackground = true };
    }

    /// <summary>What ended the thread before its time, else null.</summary>
    public Exception? Failure => Volatile.Read(ref _failure);

    /// <summary>Starts the thread.</summary>
    public void Start()
    {
        ReadRuntimes();
        for (int i = 0; i < _ids.Length; i++) _before[i] = Runtime(_ids[i]);
        _guard = new WeightGuard([.. _groups.Zip(_written)], _hierarchy);
        _thread.Start();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Set();
        if (_thread.IsAlive) _thread.Join();
        _stop.Dispose();
        _guard?.Dispose();
    }

    private void Run()
    {
        try
        {
            TimeSpan period = TimeSpan.FromTicks(Math.Max(ShortestPeriod.Ticks, PeriodPerVirtualService.Ticks * _ids.Length));
            long last = Stopwatch.GetTimestamp();
            while (!_stop.Wait(period))
            {
                long now = Stopwatch.GetTimestamp();
                Round(Stopwatch.GetElapsedTime(last, now).TotalSeconds);
                last = now;
            }
        }
        catch (Exception error)
        {
            // The keeper's next round reports it and ends the enforcer.
            Volatile.Write(ref _failure, error);
        }
    }

    private void Round(double seconds)
    {
        ReadRuntimes();
        for (int i = 0; i < _ids.Length; i++)
        {
            ulong runtime = Runtime(_ids[i]);
            _cpus[i] = (runtime - _before[i]) / 1e9 / seconds;
            _before[i] = runtime;
        }

        _feedback.Observe(_cpus, seconds);
        _feedback.Weights(_wanted);
        for (int i = 0; i < _ids.Length; i++)
        {
            if (Math.Abs(_wanted[i] - _written[i]) <= LeastChange * _written[i]) continue;
            _hierarchy.SetWeight(_groups[i], _wanted[i]);
            _written[i] = _wanted[i];
        }
    }

    private void ReadRuntimes() => _runtimes.ReadPerCpuArray<ulong>(_keys, _perCpu);

    // As read last.
    private ulong Runtime(uint id)
    {
        ulong sum = 0;
        foreach (ulong one in _perCpu.AsSpan((int)id * BpfMap.PossibleCpus, BpfMap.PossibleCpus)) sum += one;
        return sum;
    }
}
