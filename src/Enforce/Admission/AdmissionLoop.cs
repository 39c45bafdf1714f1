using System.Diagnostics;
using System.Runtime.InteropServices;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Rules;
using VirtualServices.Linux.Bpf;

namespace VirtualServices.Enforce.Admission;

/// <summary>The thread between kernel and decisions: takes events in, looks at the counters, holds and releases. It alone holds anything.</summary>
internal sealed unsafe partial class AdmissionLoop : IConnectionHolds, IDisposable
{
    private const uint WantArrived = 1, WantTurns = 2;
    private const int BusyMs = 1, IdleMs = 10;
    private const long PatienceNs = 50_000_000, RescanNs = 500_000_000;

    private readonly AdmissionKernel _kernel;
    private readonly AdmissionCells _cells;
    private readonly AdmissionMembers _members;
    private readonly MappedArray<Station> _stations;
    private readonly RingBuffer _ring;
    private readonly Watchdog _watchdog;
    private readonly Func<AdmissionTenant, TenantReading> _read;
    private readonly Dictionary<ulong, (AdmissionProcess Process, int Descriptor, int Cell)> _connections = [];
    private readonly HashSet<ulong> _lost = [];
    private readonly Dictionary<ulong, long> _unreached = [];
    private readonly CellCounts[] _counts;
    private readonly AdmissionPace _pace;
    private readonly Thread _thread;
    private readonly Dictionary<uint, int> _weights;
    private uint _service;
    private int _held;
    private bool _scan = true;
    private long _scanAfter, _scanBy;
    private volatile bool _stop;
    private TaskRecord[]? _looked;
    private Exception? _failure;

    /// <summary>Prepares; <see cref="Start"/> begins.</summary>
    public AdmissionLoop(AdmissionKernel kernel, AdmissionCells cells, AdmissionMembers members, AdmissionPace pace, CompiledRules rules, string releaseFile)
    {
        (_kernel, _cells, _members, _pace) = (kernel, cells, members, pace);
        _counts = new CellCounts[cells.Count + 1];
        _weights = rules.VirtualServices.ToDictionary(vs => vs.Id, vs => vs.VirtualService.Cpu.Weight);
        _stations = new MappedArray<Station>(kernel["admission_stations"]);
        _ring = new RingBuffer(kernel["admission_events"]);
        _watchdog = new Watchdog(releaseFile);
        _read = Read;
        _thread = new Thread(Run) { Name = "vs-admission", IsBackground = true };
    }

    /// <summary>What ended the thread before its time, else null.</summary>
    public Exception? Failure => _failure;

    /// <summary>Process id of the watchdog.</summary>
    public int WatchdogPid => _watchdog.Pid;

    /// <summary>Starts the thread.</summary>
    public void Start() => _thread.Start();

    /// <summary>Processes may have come or gone: looks again in the caller's thread and hands over what it found.</summary>
    public void Refresh() => Volatile.Write(ref _looked, _members.Look());

    /// <inheritdoc/>
    public int Hold(ulong connection)
    {
        if (!_connections.TryGetValue(connection, out (AdmissionProcess Process, int Descriptor, int Cell) at) || at.Descriptor < 0) return -1;
        HoldResult result = ConnectionDescriptor.Hold(at.Process.Descriptor, at.Descriptor, connection, false, out int queued);
        if (result == HoldResult.Done) return queued;
        if (result == HoldResult.Gone) _lost.Add(connection);
        else _connections[connection] = at with { Descriptor = -1 }; // not asked again before the next scan
        return -1;
    }

    /// <inheritdoc/>
    public bool Release(ulong connection)
    {
        if (!_connections.TryGetValue(connection, out (AdmissionProcess Process, int Descriptor, int Cell) at)) return false;
        _stations[at.Process.Place.Index].ReleasedNs = (ulong)Stopwatch.GetTimestamp(); // CLOCK_MONOTONIC, ns
        if (ConnectionDescriptor.Release(at.Process.Descriptor, at.Descriptor, connection) == HoldResult.Done) return true;
        _lost.Add(connection);
        return false;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop = true;
        if (_thread.IsAlive) _thread.Join();
        _watchdog.Dispose();
        _ring.Dispose();
        _stations.Dispose();
        _members.Dispose();
        _cells.Dispose();
        _kernel.Dispose();
    }

    private void Run()
    {
        try
        {
            const int Fifo = 1;
            int priority = 1;
            _ = sched_setscheduler(0, Fifo, &priority);
            while (!_stop)
            {
                _ring.Wait(_held > 0 ? BusyMs * _pace.Stretch : IdleMs);
                Drain();
                Tick(Stopwatch.GetTimestamp());
            }

            foreach (AdmissionPlace place in _members.Places) place.Station.LetAllGo(Stopwatch.GetTimestamp());
        }
        catch (Exception error)
        {
            _failure = error; // the keeper's next round reports it; the watchdog lets go what is held
        }
    }

    private void Drain()
    {
        while (_ring.TryRead(out ReadOnlySpan<byte> record))
        {
            AdmissionEvent happened = MemoryMarshal.Read<AdmissionEvent>(record);
            if (happened.Kind == 1)
            {
                _scan = true;
                continue;
            }

            if (happened.Kind == 5) _unreached.Remove(happened.Connection);
            if (!_connections.TryGetValue(happened.Connection, out (AdmissionProcess Process, int Descriptor, int Cell) at)) continue;
            AdmissionStation station = at.Process.Place.Station;
            long now = Stopwatch.GetTimestamp();
            if (happened.Cell != at.Cell && happened.Cell != 0 && happened.Kind != 5)
            {
                _connections[happened.Connection] = at with { Cell = (int)happened.Cell };
                station.Opened(happened.Connection, TenantOf(station, (int)happened.Cell), now);
            }

            switch (happened.Kind)
            {
                case 2: station.Arrived(happened.Connection, now); break;
                case 3: station.Received(happened.Connection, now); break;
                case 4: station.Replied(happened.Connection, now); break;
                case 5:
                    _connections.Remove(happened.Connection);
                    station.Closed(happened.Connection, now);
                    break;
            }
        }

        _ring.Release();
    }

    private void Tick(long now)
    {
        if (Interlocked.Exchange(ref _looked, null) is { } tasks)
        {
            _members.Apply(tasks);
            _scan = true;
        }

        if (_lost.Count > 0 || _unreached.Count > 0) Find(now);
        if (now >= (_scan ? _scanAfter : _scanBy)) ScanConnections();
        Array.Clear(_counts);
        foreach (AdmissionPlace place in _members.Places)
        {
            _service = place.Service;
            ref Station counters = ref _stations[place.Index];
            long since = (long)Volatile.Read(ref counters.IdleSince), idle = (long)counters.IdleNs + (since == 0 ? 0 : Math.Max(0, now - Math.Max(since, (long)counters.ReleasedNs)));
            place.Station.Observe(new StationReading(counters.InService, idle), _read, now);
            counters.Hungry = place.Station.HasRoom ? 1u : 0;
            Count(place);
        }

        _held = Publish();
        _pace.Observe(CpuNs(), now);
        if (!_watchdog.Beat(_held > 0, now)) Recover();
    }

    // What others see in the status, and which events we want from here on. Several processes of a service share its cells.
    private void Count(AdmissionPlace place)
    {
        foreach (AdmissionTenant tenant in place.Station.Tenants)
        {
            ref CellCounts counts = ref _counts[_cells.Find(tenant.VirtualService, place.Service)];
            int waiting = tenant.Count(AdmissionState.Waiting);
            counts.Waiting += waiting;
            counts.Held += tenant.Count(AdmissionState.Held) + waiting;
            counts.Admitted += tenant.Count(AdmissionState.Admitted) + tenant.Count(AdmissionState.Leaving) + tenant.Count(AdmissionState.Parked);
            if (tenant.Governed) counts.Wants |= place.Station.Blind ? WantArrived : WantArrived | WantTurns;
        }
    }

    private int Publish()
    {
        int all = 0;
        for (int i = 1; i < _counts.Length; i++)
        {
            ref CellCounts counts = ref _counts[i];
            ref Cell cell = ref _cells[i];
            (cell.Held, cell.HeldWaiting, cell.Admitted, cell.Wants) = ((uint)counts.Held, (uint)counts.Waiting, (uint)counts.Admitted, counts.Wants);
            all += counts.Held + counts.Admitted;
        }

        return all;
    }

    // Costs at most a hundredth of our time.
    private void ScanConnections()
    {
        long began = Stopwatch.GetTimestamp();
        _scan = false;
        foreach (AdmissionProcess process in _members.Processes)
            foreach (AdmissionRecord record in AdmissionKernel.Read(process.List))
            {
                if (record.Cell == 0) continue; // no gate binds its requests
                _connections[record.Connection] = (process, (int)record.Descriptor, (int)record.Cell);
                AdmissionStation station = process.Place.Station;
                station.Found(record.Connection, TenantOf(station, (int)record.Cell), record.Held != 0, record.Queued > 0, Stopwatch.GetTimestamp());
            }

        long ended = Stopwatch.GetTimestamp();
        _scanAfter = ended + 100 * (ended - began);
        _scanBy = Math.Max(_scanAfter, ended + RescanNs);
    }

    private AdmissionTenant TenantOf(AdmissionStation station, int cell)
    {
        uint virtualService = _cells[cell].VirtualService;
        return station.Tenant(virtualService, _weights.GetValueOrDefault(virtualService, 1));
    }

    // The descriptor was closed, used again or handed to another process. The next scan finds the connection where it is now; one that ended tells so itself.
    private void Find(long now)
    {
        foreach (ulong connection in _lost)
        {
            if (!_connections.Remove(connection, out (AdmissionProcess Process, int Descriptor, int Cell) at)) continue;
            at.Process.Place.Station.Closed(connection, now);
            _scan = true;
            _unreached[connection] = now;
        }

        _lost.Clear();
        foreach ((ulong connection, long since) in _unreached)
        {
            if (_connections.ContainsKey(connection)) _unreached.Remove(connection);
            else if (now - since > PatienceNs)
            {
                Recover();
                return;
            }
        }
    }

    // Something may be held that we cannot reach: everything is let go, and held again where it must be.
    private void Recover()
    {
        _unreached.Clear();
        foreach (AdmissionPlace place in _members.Places) place.Station.LetAllGo(Stopwatch.GetTimestamp());
        AdmissionKernel.ReleaseAll(Pins.Default);
    }

    private TenantReading Read(AdmissionTenant tenant)
    {
        int index = _cells.Find(tenant.VirtualService, _service);
        if (index == 0) return default;
        ref Cell cell = ref _cells[index];
        return new TenantReading((long)cell.Received, cell.Waiting + cell.InService, (long)cell.Replied, (long)cell.DelayNs, (long)cell.CpuNs);
    }

    private static long CpuNs()
    {
        const int ThreadCpuTime = 3; // CLOCK_THREAD_CPUTIME_ID
        TimeSpec time;
        return clock_gettime(ThreadCpuTime, &time) == 0 ? time.Seconds * 1_000_000_000 + time.Nanoseconds : 0;
    }

    private record struct CellCounts(int Held, int Waiting, int Admitted, uint Wants);

    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    [LibraryImport("libc")]
    private static partial int clock_gettime(int clock, TimeSpec* time);

    [LibraryImport("libc")]
    private static partial int sched_setscheduler(int pid, int policy, int* parameters);
}
