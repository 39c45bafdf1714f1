using System.Diagnostics;
using System.Runtime.InteropServices;
using VirtualServices.Enforce.Kernel;
using VirtualServices.Enforce.Rules;
using VirtualServices.Linux.Bpf;
using VirtualServices.Linux.Processes;

namespace VirtualServices.Enforce.Admission;

/// <summary>The thread between kernel and decisions: takes events in, looks at the counters, holds and releases. It alone holds anything.</summary>
internal sealed unsafe class AdmissionLoop : IConnectionHolds, IDisposable
{
    private const int BusyMs = 1, IdleMs = 10;
    private const long PatienceNs = 50_000_000, RescanNs = 500_000_000;

    private readonly AdmissionKernel _kernel;
    private readonly AdmissionCells _cells;
    private readonly AdmissionMembers _members;
    private readonly AdmissionCounts _counts;
    private readonly AdmissionPace _pace;
    private readonly MappedArray<Station> _stations;
    private readonly RingBuffer _ring;
    private readonly Watchdog _watchdog;
    private readonly Func<AdmissionTenant, TenantReading> _read;
    private readonly Func<int, long> _idle;
    private readonly Dictionary<ulong, Held> _connections = [];
    private readonly List<ulong> _lost = [], _found = [];
    private readonly Dictionary<ulong, long> _unreached = [];
    private readonly Dictionary<uint, int> _weights;
    private readonly Thread _thread;
    private AdmissionPlace? _place;
    private long _now;
    private int _held;
    private int _scans;
    private bool _scan = true;
    private long _scanAfter, _scanBy;
    private volatile bool _stop;
    private AdmissionLook? _looked;
    private Exception? _failure;

    /// <summary>Prepares; <see cref="Start"/> begins.</summary>
    public AdmissionLoop(AdmissionKernel kernel, AdmissionCells cells, AdmissionMembers members, AdmissionPace pace, CompiledRules rules, string releaseFile)
    {
        (_kernel, _cells, _members, _pace) = (kernel, cells, members, pace);
        _counts = new AdmissionCounts(cells);
        _weights = rules.VirtualServices.ToDictionary(vs => vs.Id, vs => vs.VirtualService.Cpu.Weight);
        _stations = new MappedArray<Station>(kernel["admission_stations"]);
        _ring = new RingBuffer(kernel["admission_events"]);
        _watchdog = new Watchdog(releaseFile);
        _read = Read;
        _idle = IdleNs;
        _thread = new Thread(Run) { Name = "vs-admission", IsBackground = true };
    }

    /// <summary>What ended the thread before its time, else null.</summary>
    public Exception? Failure => _failure;

    /// <summary>Starts the thread.</summary>
    public void Start() => _thread.Start();

    /// <summary>Processes may have come or gone: looks again in the caller's thread and hands over what it found.</summary>
    public void Refresh() => Volatile.Write(ref _looked, _members.Look());

    /// <inheritdoc/>
    public int Hold(ulong connection)
    {
        if (!_connections.TryGetValue(connection, out Held? at) || at.Blocks || !_watchdog.Warn(Stopwatch.GetTimestamp())) return -1;
        HoldResult result = ConnectionDescriptor.Hold(at.Process.Descriptor, at.Descriptor, connection, out int queued);
        if (result == HoldResult.Gone)
        {
            _lost.Add(connection);
            return -1;
        }

        at.Hidden = result == HoldResult.Done;
        at.Blocks = result == HoldResult.Blocks;
        return at.Hidden ? queued : -1;
    }

    /// <inheritdoc/>
    public bool Release(ulong connection)
    {
        if (!_connections.TryGetValue(connection, out Held? at)) return false;
        if (at.Process.Index != 0) _stations[at.Process.Index].ReleasedNs = (ulong)Stopwatch.GetTimestamp(); // CLOCK_MONOTONIC, ns
        if (ConnectionDescriptor.Release(at.Process.Descriptor, at.Descriptor, connection) == HoldResult.Done)
        {
            at.Hidden = false;
            return true;
        }

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
            ThreadScheduling.RealTime(1);
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
            _failure = error; // the keeper's next round reports it, and ends enforcement
        }

        try
        {
            AdmissionKernel.ReleaseAll(Pins.Default);
        }
        catch (Exception error)
        {
            _failure ??= error; // the watchdog lets go when it hears no more of us
        }
    }

    private void Drain()
    {
        while (_ring.TryRead(out ReadOnlySpan<byte> record))
        {
            AdmissionEvent happened = MemoryMarshal.Read<AdmissionEvent>(record);
            if (happened.Kind == AdmissionEventKind.Opened) _scan = true;
            if (happened.Kind == AdmissionEventKind.Blocks && happened.Cell != 0) _members.Blocks(_cells[(int)happened.Cell].Service);
            if (_connections.TryGetValue(happened.Connection, out Held? at)) Take(happened, at, Stopwatch.GetTimestamp());
            else if (happened.Kind == AdmissionEventKind.Closed) _unreached.Remove(happened.Connection);
        }

        _ring.Release();
    }

    private void Take(in AdmissionEvent happened, Held at, long now)
    {
        AdmissionStation station = at.Process.Place.Station;
        if (happened.Kind == AdmissionEventKind.Closed)
        {
            // The service may have closed its half only, and read on.
            if (at.Hidden) ConnectionDescriptor.Release(at.Process.Descriptor, at.Descriptor, happened.Connection);
            Forget(happened.Connection, at, now);
            return;
        }

        if (happened.Cell == 0)
        {
            station.Free(happened.Connection, now); // whoever asks now is bound by no gate
            return;
        }

        if (happened.Cell != at.Cell)
        {
            at.Cell = (int)happened.Cell;
            station.Opened(happened.Connection, TenantOf(station, at.Cell), now);
        }

        switch (happened.Kind)
        {
            case AdmissionEventKind.Arrived: station.Arrived(happened.Connection, now); break;
            case AdmissionEventKind.Received: station.Received(happened.Connection, now); break;
            case AdmissionEventKind.Replied: station.Replied(happened.Connection, now); break;
            case AdmissionEventKind.Blocks:
                at.Blocks = true;
                station.Free(happened.Connection, now);
                break;
        }
    }

    private void Tick(long now)
    {
        if (Interlocked.Exchange(ref _looked, null) is { } look)
        {
            _members.Apply(look);
            _scan = true;
        }

        if (_lost.Count > 0 || _unreached.Count > 0) Find(now);
        if (now >= (_scan ? _scanAfter : _scanBy)) ScanConnections();
        foreach (AdmissionPlace place in _members.Places)
        {
            _place = place;
            _now = now;
            place.Station.Observe(place.Idle(_idle), _read, now);
            foreach (int index in place.Indices) (_stations[index].Hungry, _stations[index].Blocks) = (place.Station.HasRoom ? 1u : 0, place.AtDoors ? 1u : 0);
            _counts.Add(place);
        }

        _held = _counts.Publish();
        _pace.Observe(ThreadClock.Nanoseconds(), now);
        if (!_watchdog.Beat(_held > 0, Stopwatch.GetTimestamp())) Recover();
    }

    private long IdleNs(int index)
    {
        ref Station counters = ref _stations[index];
        long since = (long)Volatile.Read(ref counters.IdleSince);
        return (long)counters.IdleNs + (since == 0 ? 0 : Math.Max(0, _now - Math.Max(since, (long)counters.ReleasedNs)));
    }

    // Costs at most a hundredth of our time. A connection that several processes have stays with the one that we know it by; what nobody lists any more is gone.
    private void ScanConnections()
    {
        long began = Stopwatch.GetTimestamp();
        _scan = false;
        _scans++;
        List<(AdmissionProcess Process, AdmissionRecord Record)> others = [];
        foreach (AdmissionProcess process in _members.Processes)
            foreach (AdmissionRecord record in AdmissionKernel.Read(process.List!))
            {
                if (record.Cell == 0) continue; // no gate binds its requests
                if (_connections.TryGetValue(record.Connection, out Held? at) && at.Process == process) See(at, record);
                else others.Add((process, record));
            }

        foreach ((AdmissionProcess process, AdmissionRecord record) in others)
        {
            if (_connections.TryGetValue(record.Connection, out Held? at))
            {
                if (at.Scan == _scans) continue;
                Forget(record.Connection, at, began);
            }

            _connections[record.Connection] = at = new Held(process);
            See(at, record);
        }

        foreach ((ulong connection, Held at) in _connections)
            if (at.Scan != _scans) _lost.Add(connection);
        long ended = Stopwatch.GetTimestamp();
        _scanAfter = ended + 100 * (ended - began);
        _scanBy = Math.Max(_scanAfter, ended + RescanNs);
    }

    private void See(Held at, in AdmissionRecord record)
    {
        bool held = record.Held >= ConnectionDescriptor.LeastMark; // a smaller mark is the service's own
        (at.Descriptor, at.Cell, at.Blocks, at.Hidden, at.Scan) = ((int)record.Descriptor, (int)record.Cell, record.Blocks != 0, held, _scans);
        AdmissionStation station = at.Process.Place.Station;
        long now = Stopwatch.GetTimestamp();
        station.Found(record.Connection, TenantOf(station, at.Cell), held, record.Queued > 0, now);
        if (at.Blocks) station.Free(record.Connection, now);
        _unreached.Remove(record.Connection);
    }

    private AdmissionTenant TenantOf(AdmissionStation station, int cell)
    {
        uint virtualService = _cells[cell].VirtualService;
        return station.Tenant(virtualService, _weights.GetValueOrDefault(virtualService, 1));
    }

    // The descriptor was closed, used again or handed to another process. The next scan finds the connection where it is now; one that ended tells so itself.
    private void Find(long now)
    {
        // Letting one go frees a place, which may show that another is gone.
        while (_lost.Count > 0)
        {
            _found.Clear();
            _found.AddRange(_lost);
            _lost.Clear();
            foreach (ulong connection in _found)
            {
                if (!_connections.TryGetValue(connection, out Held? at)) continue;
                _scan = true;
                if (at.Hidden) _unreached[connection] = now;
                Forget(connection, at, now);
            }
        }

        foreach (long since in _unreached.Values)
        {
            if (now - since <= PatienceNs) continue;
            Recover();
            return;
        }
    }

    private void Forget(ulong connection, Held at, long now)
    {
        _connections.Remove(connection);
        at.Process.Place.Station.Closed(connection, now);
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
        int index = _cells.Find(tenant.VirtualService, _place!.Service);
        if (index == 0) return default;
        ref Cell cell = ref _cells[index];
        long atDoors = _place.AtDoors ? _cells[_cells.Find(tenant.VirtualService, _place.Service | AdmissionCells.AtDoor)].Waiting : 0;
        TenantReading reading = new((long)cell.Received, cell.Waiting + atDoors, (long)cell.Replied, (long)cell.DelayNs, (long)cell.CpuNs);
        return HasOneThread(_place) ? reading with { Open = cell.InService, Calls = cell.Calls + PartOfOthers(cell.InService) } : reading;
    }

    // Among several threads a turn is handed on, and nobody sees for whom they compute: what it waits inside cannot be told from that.
    private bool HasOneThread(AdmissionPlace place)
    {
        if (place.AtDoors) return false;
        foreach (int index in place.Indices)
            if (_stations[index].Threads != 0) return false;
        return true;
    }

    // Calls of which nobody knows for whom they are stand for all who have turns open there.
    private long PartOfOthers(long open)
    {
        long calls = _cells[_cells.Find(IdTable.BestEffort, _place!.Service)].Calls, all = 0;
        if (calls <= 0 || open <= 0) return 0;
        foreach (AdmissionTenant tenant in _place.Station.Tenants) all += Math.Max(0, _cells[_cells.Find(tenant.VirtualService, _place.Service)].InService);
        return (long)Math.Round((double)calls * open / Math.Max(open, all));
    }

    // By what a connection is reached.
    private sealed class Held(AdmissionProcess process)
    {
        public AdmissionProcess Process { get; } = process;

        public int Descriptor { get; set; }

        public int Cell { get; set; }

        public bool Blocks { get; set; }

        // Our mark is on its socket, as far as we know.
        public bool Hidden { get; set; }

        // The last scan that found it.
        public int Scan { get; set; }
    }
}
