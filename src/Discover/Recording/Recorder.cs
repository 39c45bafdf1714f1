using System.Diagnostics;
using System.Runtime.InteropServices;
using VirtualServices.Discover.Recording.Packets;
using VirtualServices.Discover.Sessions;
using VirtualServices.Linux.Bpf;
using VirtualServices.Linux.Files;
using VirtualServices.Linux.Processes;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Recording;

/// <summary>Records a session.</summary>
public sealed class Recorder : IDisposable
{
    private static readonly TimeSpan FlushInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(1);

    // By when a record has taken its place behind the time that it bears, but for one whose thread lost its processor in between.
    private const long SettleNs = 2_000_000;

    // Part of a ring that makes the recorder take its share of a processor and look again at once, and part that lets it yield again.
    private const double Pressing = 0.125, Calm = 0.03;
    private const int ReleaseEvery = 1024;

    private readonly RecorderOptions _options;
    private readonly List<Service> _services;
    private readonly RecorderProgram _program;
    private readonly IReadOnlyList<CaptureDevice> _devices;
    private readonly Stopwatch _elapsed = new();
    private readonly LookPause _pause;
    private Inventory _inventory = null!; // made in Begin
    private SessionWriter _writer = null!;
    private SessionInfo _info = null!;
    private PacketRecorder? _packets;
    private Newcomers? _newcomers;
    private long _lostWritten;
    private readonly HashSet<string> _told = new(StringComparer.Ordinal);
    private int _toldWritten;
    private RingCounts _counts;
    private long _calls, _processes;
    private SessionEvent _event; // that is taken: filled anew for each, not cleared
    private long _lostTold;
    private int _late;
    private int _inventoryWritten;
    private TimeSpan _lastProgress;
    private TimeSpan _lastInventory;
    private TimeSpan _inventoryInterval = ProgressInterval;
    private long _eventsAtProgress;

    private Recorder(RecorderOptions options, List<Service> services, RecorderProgram program, IReadOnlyList<CaptureDevice> devices)
    {
        _options = options;
        _services = services;
        _program = program;
        _devices = devices;
        _pause = new LookPause(program.Rings.Slots);
    }

    /// <summary>Records until the duration is over, the command has exited, or the token is cancelled; each of these ends the session cleanly.</summary>
    /// <exception cref="VsException">No root (5), the host lacks something (4), a selector matches nothing or the folder is not empty (3).</exception>
    public static RecordResult Run(RecorderOptions options, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Services.Count == 0 && options.Command.Count == 0) throw new VsException(ExitCode.Usage, "nothing to record: name a service (--service db=listen:tcp/5432) or a command (-- COMMAND)");
        if (options.Command.Count > 0) RecordedCommand.RequireProgram(options.Command[0]);
        RecorderProgram.CheckHost();
        Targets targets = Targets.Resolve(options.Services, isAlone: options.Command.Count == 0, out List<(Selector Selector, Service Service)> waiting);
        foreach ((Selector selector, Service service) in waiting) options.Warn?.Invoke($"{selector}: nothing of service '{service.Name}' runs yet; what starts later is recorded from about a second after its start");
        foreach (string twice in targets.ChosenTwice(options.Services)) options.Warn?.Invoke(twice);
        List<Service> services = [.. options.Services];
        List<CaptureDevice> devices = CaptureDevice.Open(options.Packets, options.PayloadBytes);
        try
        {
            return Run(options, services, targets, devices, cancel);
        }
        finally
        {
            foreach (CaptureDevice device in devices) device.Dispose();
        }
    }

    private static RecordResult Run(RecorderOptions options, List<Service> services, Targets targets, List<CaptureDevice> devices, CancellationToken cancel)
    {
        using PrivateFolder folder = PrivateFolder.Create(options.Folder);
        bool begun = false;
        try
        {
            using RecorderProgram program = new(options.Level, options.RingBytes, targets.UnixInodes());
            if (program.Blind is { } blind) options.Warn?.Invoke(blind);
            using RecordedCommand? command = options.Command.Count > 0 ? RecordedCommand.StartStopped(options.Command) : null;
            if (command is not null)
            {
                services.Add(new Service(ServiceNames.Unused(Path.GetFileName(options.Command[0]), services), [new Selector(SelectorKind.Pid, $"{command.Pid}")]));
                targets.Add(command.Pid, (uint)(services.Count - 1));
            }

            using Recorder recorder = new(options, services, program, devices);
            recorder.Begin(folder, targets);
            begun = true;
            return recorder.Record(command, cancel);
        }
        finally
        {
            if (!begun) folder.RemoveIfEmpty();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // Where the beginning failed, these may not have been made.
        _newcomers?.Dispose();
        _packets?.Dispose();
        _inventory?.Dispose();
        _writer?.Dispose();
    }

    private void Begin(PrivateFolder folder, Targets targets)
    {
        // A process that was forked before its parent was marked and after procfs was read is found by looking again.
        const int Looks = 10;
        _elapsed.Start();
        SessionClock clock = HostClock.Now();
        _program.Mark(targets.Services);
        for (int look = 0; look < Looks && targets.Refresh(_options.Services); look++) _program.Mark(targets.Services);

        string[] names = [.. _services.Select(service => service.Name)];
        List<SocketRecord> sockets = targets.ExistingSockets();
        ProcessRecord[] processes = [.. targets.ExistingProcesses(sockets, names)];
        _inventory = new Inventory(processes, names);
        _info = new SessionInfo(
            SessionInfo.CurrentFormatVersion,
            Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(16)),
            Environment.MachineName,
            File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
            File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim(),
            "record",
            _options.Level == RecordLevel.Sockets ? "sockets" : "syscalls",
            clock,
            _services,
            _inventory.Snapshot(),
            sockets,
            [],
            false,
            Packets: _devices.Count == 0 ? null : new PacketsInfo(_options.PayloadBytes, _options.Packets));
        _writer = new SessionWriter(folder, _info);
        if (_devices.Count > 0) _packets = new PacketRecorder(_devices, _options.PayloadBytes, folder.CreateFile(SessionReader.PacketsFileName), clock, sockets, SessionWriter.Kept);
        _inventoryWritten = _inventory.Version;
        _newcomers = Newcomers.Start(_program, _inventory, _options.Services);
    }

    private RecordResult Record(RecordedCommand? command, CancellationToken cancel)
    {
        command?.Continue();
        _options.Started?.Invoke();
        _options.Switch?.Begin(_program);
        TimeSpan lastFlush = TimeSpan.Zero;
        using YieldingThread priority = new();
        using Signal stop = new();
        using CancellationTokenRegistration stopping = cancel.Register(stop.Set);
        while (!cancel.IsCancellationRequested && command is not { HasExited: true } && (_options.Duration is not { } duration || _elapsed.Elapsed < duration))
        {
            _options.Switch?.Wait(cancel);
            priority.Hurries = _program.Rings.Fullest > (priority.Hurries ? Calm : Pressing);
            if (Drain(HostClock.MonotonicNs() - SettleNs)) Pause(stop, cancel);
            TimeSpan now = _elapsed.Elapsed;
            if (now - lastFlush < FlushInterval) continue;
            lastFlush = now;
            TakeNewcomers();
            TellLosses();
            _writer.Flush();
            CheckPackets();
            if (now - _lastProgress >= ProgressInterval) Report(now);
        }

        _newcomers?.Stop();
        TakeNewcomers();
        _program.Detach();
        // What the last calls wrote is still in the rings, or is being written: a program in the kernel has no way to say that it is done.
        SpinWait.SpinUntil(() =>
        {
            Drain(long.MaxValue);
            return !_program.Rings.HasPending;
        });

        TellLosses();
        _packets?.Complete(); // all descriptions are there now
        CheckPackets();
        return End(command);
    }

    private RecordResult End(RecordedCommand? command)
    {
        // Before the end is written: a report may write session.json as of a recording that still runs.
        if (_elapsed.Elapsed - _lastProgress > FlushInterval) Report(_elapsed.Elapsed);
        _inventory.Complete();
        foreach (Service missing in _services.Where(service => _inventory.Snapshot().All(process => process.Service != service.Name))) _options.Warn?.Invoke($"nothing of service '{missing.Name}' was seen: nothing was recorded of it");
        SessionClock clock = _info.Clock with { EndNs = HostClock.MonotonicNs() };
        SessionInfo ended = _info with { Clock = clock, Processes = _inventory.Snapshot(), Counts = Counts(), EndedCleanly = true, Packets = _packets?.Counts.Info };
        _writer.Complete(ended);
        return new RecordResult(ended, _writer.Events, ended.LostEvents(), _writer.Bytes, command is { HasExited: true } ? command.ExitCode : null);
    }

    /// <summary>Where events can be lost: in a processor's ring while it is full, and in the kernel where a call could not be read or a task not be marked.</summary>
    private SourceCount[] Counts() =>
    [
        new SourceCount("ring", _calls, (long)_counts.Lost),
        new SourceCount("kernel", 0, (long)(_counts.Foreign + _counts.Unmarked)),
        new SourceCount("file", _writer.Events, 0),
        new SourceCount("inventory", _inventory.Snapshot().Count, _inventory.Unlisted),
        .. _late == 0 ? (SourceCount[])[] : [new SourceCount("calls of processes that were found after they had begun, before that (each process counts as one)", 0, 0, _late)],
        .. _packets?.Counts.Sources() ?? [],
    ];

    private void TakeNewcomers()
    {
        while (_newcomers is not null && _newcomers.TryTake(out Newcomer found))
        {
            foreach (ProcessRecord process in found.Processes) _inventory.NoteFound(process);
            _late += found.Processes.Count(process => process.Service.Length > 0); // the others are their peers
            HashSet<ulong> known = [.. _info.Sockets.Select(socket => socket.Description.Id)];
            SocketRecord[] sockets = [.. found.Sockets.Where(socket => !known.Contains(socket.Description.Id))];
            foreach (SocketRecord socket in sockets) _packets?.Add(socket.Description);
            _info = _info with { Sockets = [.. _info.Sockets, .. sockets] };
        }

        if (_newcomers?.Failure is { } failure) TellOnce($"what starts later is not found: {failure}");
    }

    private void CheckPackets()
    {
        if (_packets is null) return;
        _packets.Check();
        foreach (PacketInterface one in _packets.Counts.Info.Interfaces.Where(one => one.Failure.Length > 0)) TellOnce($"packets of {one} are not captured any more: {one.Failure}");
        if (_packets.RenewFailure is { } failure) TellOnce($"whose packets are whose is told by sockets as they were before: the host's cannot be listed: {failure}");
    }

    private void TellOnce(string warning)
    {
        const int Most = 1000; // an error may say something else each time
        if (_told.Count < Most && _told.Add(warning)) _options.Warn?.Invoke(warning);
    }

    private void TellLosses()
    {
        _counts = _program.ReadCounts();
        long lost = (long)(_counts.Lost + _counts.Foreign + _counts.Unmarked);
        if (lost > _lostTold) _writer.Lost(lost - _lostTold);
        _lostTold = lost;
    }

    private void Report(TimeSpan now)
    {
        double rate = (_calls - _eventsAtProgress) / Math.Max((now - _lastProgress).TotalSeconds, 1e-3);
        _lastProgress = now;
        _eventsAtProgress = _calls;
        _options.Progress?.Invoke(new RecordProgress(now, _calls, rate, _lostTold, _writer.Bytes, _packets?.Counts.Kept, _packets?.Counts.Lost() ?? 0));
        long lost = _lostTold + (_packets?.Counts.Lost() ?? 0);
        if ((_inventory.Version == _inventoryWritten && lost == _lostWritten && _told.Count == _toldWritten) || now - _lastInventory < _inventoryInterval) return;

        // After a kill the session must know the processes forked and what was lost so far. A large inventory is written less often.
        _inventoryWritten = _inventory.Version;
        _lostWritten = lost;
        _toldWritten = _told.Count;
        _writer.WriteInfo(_info with { Processes = _inventory.Snapshot(), Counts = Counts(), Packets = _packets?.Counts.Info });
        _lastInventory = now;
        _inventoryInterval = TimeSpan.FromSeconds(Math.Max(1, 50 * (_elapsed.Elapsed - now).TotalSeconds));
    }

    /// <summary>Lets some time pass, but looks at once who is at the other end of a socket: it may be gone soon.</summary>
    private void Pause(Signal stop, CancellationToken cancel)
    {
        TimeSpan until = _elapsed.Elapsed + TimeSpan.FromMilliseconds(_pause.Milliseconds);
        for (TimeSpan left = until - _elapsed.Elapsed; left > TimeSpan.Zero && !cancel.IsCancellationRequested; left = until - _elapsed.Elapsed)
        {
            _program.Peers.Wait((int)Math.Ceiling(left.TotalMilliseconds), stop);
            while (_program.Peers.TryRead(out ReadOnlySpan<byte> peer)) _inventory.NotePeer(MemoryMarshal.Read<int>(peer));
            _program.Peers.Release();
        }
    }

    /// <summary>Takes what is in the rings.</summary>
    /// <param name="untilNs">What is later stays there for the next look.</param>
    /// <returns>False where so much came meanwhile that the next look should not wait.</returns>
    private bool Drain(long untilNs)
    {
        int records = 0;
        long processes = _processes;
        _program.Rings.Look(untilNs);
        while (_program.Rings.TryRead(out ReadOnlySpan<byte> record))
        {
            Take(record);
            if (++records % ReleaseEvery != 0) continue;
            _program.Rings.Release();
        }

        _program.Rings.Release();
        bool presses = _program.Rings.Fullest >= Pressing;
        _pause.Looked(_program.Rings.Fullest, presses, _processes != processes);
        return !presses;
    }

    private void Take(ReadOnlySpan<byte> record)
    {
        const byte Process = 100;
        ref readonly RingEvent head = ref MemoryMarshal.AsRef<RingEvent>(record);
        if (head.Kind == Process)
        {
            _processes++;
            _inventory.Note(in MemoryMarshal.AsRef<RingProcess>(record));
            return;
        }

        ref SessionEvent e = ref _event;
        e.TimeNs = head.TimeNs;
        e.CpuNs = head.CpuNs;
        e.Socket = head.Socket;
        e.DurationNs = head.DurationNs;
        e.Result = head.Result;
        e.Pid = head.Pid;
        e.Tid = head.Tid;
        e.Fd = head.Fd;
        e.Child = head.Child;
        e.ChildPid = head.ChildPid;
        e.Call = (CallKind)head.Kind;
        PeerAddress peer = head.HasPeer == 0 ? default : MemoryMarshal.AsRef<RingDatagram>(record).Peer;
        e.PeerHigh = peer.High;
        e.PeerLow = peer.Low;
        e.PeerPort = peer.Port;
        if (e.Call == CallKind.Describe)
        {
            SocketDescription description = SocketTranslation.Describe(in MemoryMarshal.AsRef<RingSocket>(record));
            _inventory.NotePeer(description.PeerPid);
            _packets?.Add(description);
            _writer.WriteDescription(in e, description);
            return;
        }

        _calls++;
        _writer.Write(in e);
    }
}
