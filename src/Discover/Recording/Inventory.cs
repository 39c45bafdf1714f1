using System.Collections.Concurrent;
using System.Diagnostics;
using VirtualServices.Linux.Processes;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Recording;

/// <summary>
/// The processes of a recording: those that were there, those that were forked meanwhile, and peers that are not recorded. Reading procfs takes a tenth of a millisecond per
/// process, so it is done on a thread of its own: the thread that empties the ring only hands over what to look at.
/// </summary>
internal sealed class Inventory : IDisposable
{
    // Enough for days of forking; beyond it processes are counted, not listed, so that memory stays bounded.
    private const int MaximumProcesses = 200_000;
    private const int MaximumWaiting = 1 << 16;
    private const long StartResolutionNs = 10_000_000;
    internal static readonly TimeSpan PeersAskedAgain = TimeSpan.FromSeconds(1);

    private readonly BlockingCollection<Note> _notes = new(MaximumWaiting);
    private readonly Dictionary<(int Pid, long StartNs), ProcessRecord> _processes = [];
    private readonly Dictionary<int, ProcessRecord> _latest = [];
    private readonly HashSet<int> _peersAsked = [];
    private long _peersAskedSince;
    private readonly IReadOnlyList<string> _services;
    private readonly Thread _thread;
    private readonly Lock _lock = new();
    private Exception? _failure;
    private long _unlisted;

    /// <summary>Starts with the processes that are there.</summary>
    /// <param name="existing">Recorded ones with their service, peers without.</param>
    /// <param name="services">Names of the services by number.</param>
    internal Inventory(IEnumerable<ProcessRecord> existing, IReadOnlyList<string> services)
    {
        _services = services;
        foreach (ProcessRecord process in existing) Add(process);
        _thread = new Thread(Run) { IsBackground = true, Name = "inventory" };
        _thread.Start();
    }

    /// <summary>Processes that are missing because there were too many.</summary>
    internal long Unlisted => Interlocked.Read(ref _unlisted);

    /// <summary>Increases with every change.</summary>
    internal int Version { get; private set; }

    /// <summary>Hands over a process that was forked or executed a program.</summary>
    internal unsafe void Note(in RingProcess process)
    {
        fixed (byte* name = process.Comm)
        {
            ReadOnlySpan<byte> bytes = new(name, 16);
            int end = bytes.IndexOf((byte)0);
            Hand(new Note(process.Event.Pid, process.ParentPid, process.StartNs / StartResolutionNs * StartResolutionNs, process.Uid, (int)process.Service, process.Executed != 0, System.Text.Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end])));
        }
    }

    /// <summary>Hands over the process at the other end of a connection. It may be recorded or not; it is looked up once a second: later its number may be another's.</summary>
    internal void NotePeer(int pid)
    {
        if (Stopwatch.GetElapsedTime(_peersAskedSince) > PeersAskedAgain)
        {
            _peersAsked.Clear();
            _peersAskedSince = Stopwatch.GetTimestamp();
        }

        if (pid > 0 && _peersAsked.Add(pid)) Hand(new Note(pid, 0, 0, 0, -1, false, ""));
    }

    /// <summary>Hands over a recorded process that was found later.</summary>
    internal void NoteFound(ProcessRecord process) => Hand(new Note(process.Pid, 0, 0, 0, -1, false, "", process));

    /// <summary>Tells whether a process is listed as a recorded one.</summary>
    internal bool Records(ProcessRecord process)
    {
        lock (_lock) return _processes.TryGetValue((process.Pid, process.StartTimeNs), out ProcessRecord? known) && known.Service.Length > 0;
    }

    /// <summary>All processes so far, in the order of their start.</summary>
    internal IReadOnlyList<ProcessRecord> Snapshot()
    {
        lock (_lock)
            return [.. _processes.Values.OrderBy(process => process.StartTimeNs).ThenBy(process => process.Pid)];
    }

    /// <summary>Waits until all that was handed over is looked at, and reads the recorded processes that still live once more: many set their title only after the fork.</summary>
    internal void Complete()
    {
        _notes.CompleteAdding();
        _thread.Join();
        if (_failure is not null) throw new InvalidOperationException("reading processes for the inventory failed", _failure);
        foreach (ProcessRecord known in Snapshot())
            if (_latest.GetValueOrDefault(known.Pid) == known && ProcessTable.TryRead(known.Pid) is { } now && now.StartTimeNs == known.StartTimeNs && !IsEnding(now)) Add(now with { Service = known.Service, ParentPid = known.ParentPid });
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_notes.IsAddingCompleted) _notes.CompleteAdding();
        _thread.Join();
        _notes.Dispose();
    }

    private void Hand(Note note)
    {
        // Never wait here: a full ring loses events, a full list only loses a line of the inventory.
        if (!_notes.TryAdd(note)) Interlocked.Increment(ref _unlisted);
    }

    private void Run()
    {
        try
        {
            foreach (Note note in _notes.GetConsumingEnumerable()) Look(note);
        }
        catch (Exception error)
        {
            _failure = error;
        }
    }

    private void Look(Note note)
    {
        if (note.Found is not null)
        {
            Add(note.Found);
            return;
        }

        // Most peers are known: one file of procfs tells, not five.
        if (note.Service < 0 && _latest.TryGetValue(note.Pid, out ProcessRecord? known) && known.StartTimeNs == ProcessStart.Of(note.Pid)) return;
        ProcessRecord? now = ProcessTable.TryRead(note.Pid);
        if (note.Service < 0)
        {
            if (now is not null && !_processes.ContainsKey((now.Pid, now.StartTimeNs))) Add(now);
            return;
        }

        string service = _services[note.Service];
        if (now is not null && now.StartTimeNs == note.StartNs && !IsEnding(now))
        {
            Add(now with { Service = service, ParentPid = note.Parent });
            return;
        }

        // It is gone already. What it inherited is known from its parent; what it executed, only by name.
        ProcessRecord? parent = _latest.GetValueOrDefault(note.Executed && _processes.ContainsKey((note.Pid, note.StartNs)) ? note.Pid : note.Parent);
        Add(new ProcessRecord(
            note.Pid,
            note.Parent,
            note.Comm,
            note.Executed ? "" : parent?.Exe ?? "",
            note.Executed ? note.Comm : parent?.CommandLine ?? note.Comm,
            parent?.Cgroup ?? "/",
            parent?.Unit ?? "",
            note.Uid,
            note.StartNs,
            service));
    }

    // Until its parent has waited for it, what has ended can be read, but for what it was: its program is gone.
    private static bool IsEnding(ProcessRecord process) => process.Exe.Length == 0;

    private void Add(ProcessRecord process)
    {
        lock (_lock)
        {
            if (_processes.Count >= MaximumProcesses && !_processes.ContainsKey((process.Pid, process.StartTimeNs)))
            {
                Interlocked.Increment(ref _unlisted);
                return;
            }

            _processes[(process.Pid, process.StartTimeNs)] = process;
            _latest[process.Pid] = process;
            Version++;
        }
    }
}

/// <summary>A process to look at; a service below 0 means a peer; what was found already is only taken.</summary>
internal sealed record Note(int Pid, int Parent, long StartNs, uint Uid, int Service, bool Executed, string Comm, ProcessRecord? Found = null);
