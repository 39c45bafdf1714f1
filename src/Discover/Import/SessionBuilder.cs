using System.Security.Cryptography;
using VirtualServices.Discover.Sessions;
using VirtualServices.Linux.Files;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Import;

/// <summary>Makes a session folder of neutral events. Every import translates its source and hands the events in here, in the order of their effect.</summary>
internal sealed class SessionBuilder : IDisposable
{
    /// <summary>Most names of virtual services.</summary>
    private const int MostVirtualServices = 1 << 16;

    /// <summary>Most files that a message names.</summary>
    private const int MostNamed = 3;

    private const string Removed = "Nothing of the session is kept. Free space, or import to another disk.";

    private readonly PrivateFolder _folder;
    private readonly string _source;
    private readonly IReadOnlyList<string> _files;
    private readonly ImportedProcesses _processes = new();
    private readonly ImportedEnds _ends = new();
    private readonly Dictionary<string, int> _virtualServices = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _hosts = new(StringComparer.Ordinal);
    private SessionWriter? _writer;
    private long _firstNs, _lastNs;
    private string _lastHost = "\0";
    private bool _completed;

    /// <param name="folder">Folder to make.</param>
    /// <param name="source">Name in the session: <c>import-events</c> and so on.</param>
    /// <param name="files">Names of what is read, for messages.</param>
    internal SessionBuilder(string folder, string source, IReadOnlyList<string> files)
    {
        _folder = PrivateFolder.Create(folder);
        _source = source;
        _files = files;
    }

    /// <summary>Events taken in so far.</summary>
    internal long Events { get; private set; }

    /// <summary>Events that the source lost, where it says so.</summary>
    internal long Lost { get; set; }

    /// <summary>What the source has and this program cannot use.</summary>
    internal UnusedCounts Unused { get; } = new();

    /// <summary>UTC minus clock, ns, where the source knows it.</summary>
    internal long UtcOffsetNs { get; set; }

    /// <exception cref="FieldError">The event cannot be.</exception>
    internal void Add(NeutralEvent e)
    {
        // Some formats go further than a session does.
        if (e.TimeNs is < 0 or > SessionClock.FurthestNs) throw new FieldError("ts", $"expected a time from 0 to {SessionClock.FurthestNs} ns");
        if (_writer is null)
        {
            _firstNs = e.TimeNs;
            _writer = new SessionWriter(_folder, Info("", endedCleanly: false), Removed);
        }

        _lastNs = Math.Max(_lastNs, e.TimeNs);
        _firstNs = Math.Min(_firstNs, e.TimeNs);
        if (e.Host != _lastHost) _hosts.Add(_lastHost = e.Host);
        ImportedProcess process = _processes.Of(e);
        SessionEvent result = new()
        {
            Call = e.Call,
            TimeNs = e.TimeNs,
            DurationNs = e.DurationNs,
            CpuNs = e.CpuNs,
            Pid = process.Id,
            Tid = ImportedProcesses.ThreadOf(process, e.Pid, e.Tid),
            Fd = -1,
        };
        switch (e.Call)
        {
            case CallKind.Accept or CallKind.Connect or CallKind.Receive or CallKind.Send or CallKind.Close or CallKind.Listen:
                AddConnected(e, process, ref result);
                break;
            case CallKind.Fork:
                AddFork(e, process, ref result);
                break;
            case CallKind.Wake:
                result.ChildPid = _processes.ProcessOfThread(e.Host, e.Child);
                result.Child = result.ChildPid != 0 && e.Child == e.Pid ? result.ChildPid : e.Child;
                break;
            case CallKind.Exit:
                if (e.Tid == 0 || e.Tid == e.Pid) _ends.Release(process);
                _processes.Exit(e.Host, e.Pid, e.Tid);
                break;
        }

        _writer.Write(in result);
        Events++;
    }

    /// <summary>The name of a process that its source tells apart from its calls; one that is known already stays.</summary>
    internal void Name(string host, int pid, string service) => _processes.Name(host, pid, service);

    /// <summary>Ends the session.</summary>
    /// <param name="id">Id of the session: the same input gives the same.</param>
    /// <exception cref="VsException">Nothing that was read is an event.</exception>
    internal void Complete(string id)
    {
        if (_writer is null)
        {
            string unused = string.Concat(Unused.Counts.Select(one => $"\nnot used: {one.Unused} {one.Source}"));
            string more = _files.Count > MostNamed ? $" and {_files.Count - MostNamed} more" : "";
            throw VsException.BadInput($"{string.Join(", ", _files.Take(MostNamed))}{more}", $"nothing that was read is an event, expected what 'vs {_source.Replace('-', ' ')}' reads: is the format the right one?{unused}");
        }

        _writer.Complete(Info(id, endedCleanly: true));
        _completed = true;
    }

    /// <summary>Ends the session, whose id is the hash of what was read.</summary>
    internal ImportResult Complete(IncrementalHash digest)
    {
        Complete(Convert.ToHexStringLower(digest.GetHashAndReset().AsSpan(0, 16)));
        return new ImportResult(Events, Lost, Unused.Counts);
    }

    /// <summary>Without <see cref="Complete(string)"/> nothing is left behind.</summary>
    public void Dispose()
    {
        _writer?.Dispose();
        if (!_completed)
        {
            _folder.Remove(SessionReader.EventsFileName);
            _folder.Remove(SessionJson.FileName);
            _folder.RemoveIfEmpty();
        }

        _folder.Dispose();
    }

    private void AddConnected(NeutralEvent e, ImportedProcess process, ref SessionEvent result)
    {
        ImportedEnd end = _ends.Of(e, process, out bool changed);
        result.Socket = end.Id;
        if (changed)
        {
            SessionEvent described = result;
            described.DurationNs = 0; // a description has no end of its own
            _writer!.WriteDescription(in described, end.Describe());
        }

        if (e.Call is CallKind.Receive or CallKind.Send) (result.Result, result.Request) = (e.Bytes, e.Request);
        if (e.VirtualService.Length > 0) result.VirtualService = NumberOf(e.VirtualService);
        if (e.Call == CallKind.Close) _ends.Close(end, process);
    }

    private void AddFork(NeutralEvent e, ImportedProcess process, ref SessionEvent result)
    {
        if (e.Child == e.Pid)
        {
            result.ChildPid = process.Id;
            result.Child = e.ChildTid;
            return;
        }

        ImportedProcess child = _processes.Fork(e.Host, process, e.Child);
        ImportedEnds.Inherit(process, child);
        result.ChildPid = child.Id;
        result.Child = e.ChildTid == 0 || e.ChildTid == e.Child ? child.Id : e.ChildTid;
    }

    private int NumberOf(string name)
    {
        if (_virtualServices.TryGetValue(name, out int number)) return number;
        if (_virtualServices.Count == MostVirtualServices) throw new FieldError("vs", $"expected at most {MostVirtualServices} virtual services");
        _virtualServices.Add(name, number = _virtualServices.Count + 1);
        return number;
    }

    private SessionInfo Info(string id, bool endedCleanly) => new(
        SessionInfo.CurrentFormatVersion,
        id,
        _hosts.Count == 1 ? _hosts.Min! : "",
        "",
        id,
        _source,
        "syscalls",
        new SessionClock("CLOCK_MONOTONIC", _firstNs, endedCleanly ? _lastNs : 0, UtcOffsetNs),
        [.. _processes.Records.Select(p => p.Service).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Select(name => new Service(name, []))],
        _processes.Records,
        [],
        [new SourceCount("file", Events, Lost), .. Unused.Counts],
        endedCleanly,
        _virtualServices.Count == 0 ? null : [.. _virtualServices.OrderBy(v => v.Value).Select(v => v.Key)]);
}
