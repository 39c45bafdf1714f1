using System.Globalization;
using System.Security.Cryptography;
using VirtualServices.Discover.Import.Calls;
using VirtualServices.Discover.Import.Perf;
using VirtualServices.Model;

namespace VirtualServices.Discover.Import.Dotnet;

/// <summary>Makes a session of nettrace files: EventPipe of .NET services, or system calls of a Linux collect capture.</summary>
public static class NettraceImport
{
    private const int TellEvery = 1 << 14;

    /// <summary>Clocks of one boot of one host: UTC is told to the millisecond and may have been set meanwhile.</summary>
    private const long SameBootNs = 1_000_000_000;

    /// <summary>Reads files, merged by time, and writes a session folder. On an error nothing is left behind.</summary>
    /// <param name="paths">At least one; several are processes of one host.</param>
    /// <param name="folder">Folder to make.</param>
    /// <param name="progress">Called now and then with the events written.</param>
    /// <param name="cancel">Ends it; nothing is left behind.</param>
    /// <exception cref="VsException">A file is no nettrace file, is damaged, is a session, or the files are of several hosts (exit code 3); or the folder cannot be made.</exception>
    public static ImportResult Run(IReadOnlyList<string> paths, string folder, Action<long>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(paths);
        List<NettraceFile> files = [];
        try
        {
            foreach (string path in paths) files.Add(NettraceFile.Open(path));
            return Run(files, folder, progress, cancel);
        }
        finally
        {
            foreach (NettraceFile file in files) file.Dispose();
        }
    }

    internal static ImportResult Run(IReadOnlyList<NettraceFile> files, string folder, Action<long>? progress, CancellationToken cancel)
    {
        foreach (NettraceFile file in files)
        {
            if (Math.Abs(file.Head.UtcOffsetNs - files[0].Head.UtcOffsetNs) > SameBootNs)
                throw file.Bad("expected files of one host since its last start: the clock of this one began at another time. Import each host by itself, then vs join");
        }

        using HeapLimit limit = HeapLimit.Take();
        using SessionBuilder builder = new(folder, "import-nettrace", [.. files.Select(file => file.Name)]) { UtcOffsetNs = files.Min(file => file.Head.UtcOffsetNs) };
        Merge merge = new(builder);
        PriorityQueue<int, (long TimeNs, int Order)> next = new();
        for (int i = 0; i < files.Count; i++) MoveNext(i);
        for (long read = 1; next.TryDequeue(out int order, out _); read++)
        {
            try
            {
                merge.Take(order, files[order].Event);
            }
            catch (FieldError error)
            {
                throw files[order].Bad(error.Message, error);
            }

            if (read % TellEvery == 0)
            {
                cancel.ThrowIfCancellationRequested();
                progress?.Invoke(builder.Events);
            }

            MoveNext(order);
        }

        try
        {
            merge.Complete();
        }
        catch (FieldError error)
        {
            throw files[^1].Bad(error.Message, error);
        }

        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (NettraceFile file in files)
        {
            builder.Lost += file.Lost;
            foreach (Model.Sessions.SourceCount count in file.Unused.Counts) builder.Unused.Add(count.Source, count.Unused);
        }

        foreach (string hash in files.Select(file => Convert.ToHexString(file.Hash)).Order(StringComparer.Ordinal)) digest.AppendData(Convert.FromHexString(hash));

        return builder.Complete(digest);

        void MoveNext(int order)
        {
            if (files[order].MoveNext(cancel)) next.Enqueue(order, (files[order].Event.TimeNs, order));
        }
    }

    /// <summary>Events of all files. What comes first decides whether spans or system calls are taken: both tell of the same requests.</summary>
    private sealed class Merge(SessionBuilder builder)
    {
        private const int MostProcesses = 1 << 16;
        private readonly DotnetTrace _spans = new(builder.Add, builder.Unused);
        private readonly PerfTrace _calls = new(new CallTranslator(builder.Add, builder.Unused), builder.Unused);
        private readonly Dictionary<(int File, int Pid), DotnetProcess> _processes = [];
        private readonly Dictionary<int, int> _fileOf = [];
        private DotnetEventKind? _first;

        internal void Take(int file, DotnetEvent e)
        {
            if (e.Pid <= 0) throw new FieldError("", "expected events of a process");
            DotnetProcess process = ProcessOf(file, e.Pid);
            if (e.Kind is DotnetEventKind.Process or DotnetEventKind.Listen)
            {
                _spans.Take(process, e);
                return;
            }

            _first ??= e.Kind == DotnetEventKind.Tracepoint ? DotnetEventKind.Tracepoint : DotnetEventKind.InnerSpanStart;
            bool call = e.Kind == DotnetEventKind.Tracepoint;
            if (call != (_first == DotnetEventKind.Tracepoint)) builder.Unused.Add(call ? "system calls, because the spans of the same requests are taken" : "events of .NET, because the system calls of the same requests are taken");
            else if (call) _calls.Take(new PerfLine { Comm = process.Service, Pid = e.Pid, Tid = e.Tid, TimeNs = e.TimeNs, Event = e.Name, Rest = e.Text });
            else _spans.Take(process, e);
        }

        internal void Complete()
        {
            _spans.Complete();
            if (_first == DotnetEventKind.Tracepoint) _calls.Complete();
            foreach (DotnetProcess process in _processes.Values)
            {
                if (process.Service.Length > 0) builder.Name(process.Host, process.Pid, process.Service);
            }
        }

        /// <summary>A number that two files have is of two processes in namespaces of their own.</summary>
        private DotnetProcess ProcessOf(int file, int pid)
        {
            if (_processes.TryGetValue((file, pid), out DotnetProcess? process)) return process;
            if (_processes.Count == MostProcesses) throw new FieldError("", $"expected at most {MostProcesses} processes");
            string host = _fileOf.TryAdd(pid, file) ? "" : string.Create(CultureInfo.InvariantCulture, $"file{file + 1}");
            _processes.Add((file, pid), process = new DotnetProcess(host, pid));
            return process;
        }
    }
}
