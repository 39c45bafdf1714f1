using System.Globalization;
using System.Runtime.InteropServices;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Import;

/// <summary>Processes of the hosts of an import: gives them ids that are unique in the session, and finds their services.</summary>
internal sealed class ImportedProcesses
{
    /// <summary>Ids of processes whose own is taken by another host begin here: above any kernel's pid_max (2^22).</summary>
    private const int FirstMadeUp = 1 << 30;

    /// <summary>Most lines of the inventory: more is no list of processes.</summary>
    private const int MostRecords = 1 << 20;

    private readonly Dictionary<(string Host, int Pid), ImportedProcess> _alive = [];
    private readonly Dictionary<(string Host, int Pid), int> _ids = [];
    private readonly Dictionary<int, string> _hostOf = [];
    private readonly Dictionary<(string Host, int Tid), int> _threads = [];
    private readonly List<ProcessRecord> _records = [];
    private readonly Dictionary<int, int> _recordOf = [];
    private int _madeUp = FirstMadeUp;

    /// <summary>The inventory.</summary>
    internal IReadOnlyList<ProcessRecord> Records => _records;

    /// <summary>The process that made a call.</summary>
    internal ImportedProcess Of(NeutralEvent e)
    {
        ref ImportedProcess? process = ref CollectionsMarshal.GetValueRefOrAddDefault(_alive, (e.Host, e.Pid), out _);
        process ??= new ImportedProcess(IdOf(e.Host, e.Pid));
        if (e.Tid != 0 && e.Tid != e.Pid) _threads[(e.Host, e.Tid)] = process.Id;
        if (!process.Recorded || (e.Service.Length > 0 && e.Service != process.Service)) Name(process, e);
        if (e.Call == CallKind.Exec) process.Named = false;
        return process;
    }

    /// <summary>The thread's id in the session: a main thread's is its process's.</summary>
    internal static int ThreadOf(ImportedProcess process, int pid, int tid) => tid == pid ? process.Id : tid;

    /// <summary>A process was forked: it inherits service and connections.</summary>
    internal ImportedProcess Fork(string host, ImportedProcess parent, int childPid)
    {
        var child = new ImportedProcess(IdOf(host, childPid)) { Service = parent.Service, Comm = parent.Comm, Recorded = parent.Recorded, Named = true };
        _alive[(host, childPid)] = child;
        return child;
    }

    /// <summary>The process of a thread, 0 where it was never seen.</summary>
    internal int ProcessOfThread(string host, int tid) =>
        _threads.TryGetValue((host, tid), out int id) ? id : _alive.TryGetValue((host, tid), out ImportedProcess? process) ? process.Id : 0;

    /// <summary>A thread ended; with the first one, or where threads are unknown, the process is forgotten.</summary>
    internal void Exit(string host, int pid, int tid)
    {
        _threads.Remove((host, tid));
        if (tid == 0 || tid == pid) _alive.Remove((host, pid));
    }

    /// <summary>A process that made calls under no name gets one.</summary>
    internal void Name(string host, int pid, string service)
    {
        if (!_alive.TryGetValue((host, pid), out ImportedProcess? process) || process.Named || !_recordOf.TryGetValue(process.Id, out int index)) return;
        process.Service = service;
        process.Named = process.Recorded = true;
        _records[index] = _records[index] with { Service = service };
    }

    private void Name(ImportedProcess process, NeutralEvent e)
    {
        string comm = process.Named ? process.Comm : e.Comm;
        string service = e.Service.Length > 0 ? e.Service
            : process.Service.Length > 0 && process.Named ? process.Service
            : comm.Length > 0 ? comm
            : string.Create(CultureInfo.InvariantCulture, $"pid-{e.Pid}");
        process.Comm = comm;
        process.Service = service;
        process.Named = e.Service.Length > 0 || comm.Length > 0;
        process.Recorded = process.Named;
        ProcessRecord? last = _recordOf.TryGetValue(process.Id, out int index) ? _records[index] : null;
        if (last is not null && (last.Service == service || !IsGiven(last)))
        {
            if (last.Service != service) _records[index] = last with { Service = service, Comm = comm }; // until now it had no name
            return;
        }

        if (_records.Count == MostRecords) throw new FieldError("pid", $"expected at most {MostRecords} processes with services of their own");
        _recordOf[process.Id] = _records.Count;
        _records.Add(new ProcessRecord(process.Id, 0, comm, "", "", "", "", 0, last is null ? 0 : e.TimeNs, service, e.Host, process.Id == e.Pid ? 0 : e.Pid));
    }

    private static bool IsGiven(ProcessRecord record) =>
        record.Comm.Length > 0 || record.Service != string.Create(CultureInfo.InvariantCulture, $"pid-{(record.HostPid > 0 ? record.HostPid : record.Pid)}");

    private int IdOf(string host, int pid)
    {
        if (_hostOf.TryAdd(pid, host) || _hostOf[pid] == host) return pid;
        ref int id = ref CollectionsMarshal.GetValueRefOrAddDefault(_ids, (host, pid), out _);
        if (id == 0) id = _madeUp == int.MaxValue ? throw new FieldError("pid", "expected fewer processes") : _madeUp++;
        return id;
    }
}

/// <summary>A process of an import.</summary>
internal sealed class ImportedProcess(int id)
{
    /// <summary>Unique in the session.</summary>
    internal int Id { get; } = id;

    internal string Service { get; set; } = "";

    internal string Comm { get; set; } = "";

    /// <summary>Its service was named, or taken from its comm.</summary>
    internal bool Named { get; set; }

    /// <summary>Nothing more needs to be found out.</summary>
    internal bool Recorded { get; set; }

    /// <summary>Ends of connections that it holds.</summary>
    internal HashSet<ImportedEnd> Held { get; } = [];
}
