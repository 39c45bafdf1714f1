using System.Globalization;
using System.Security.Cryptography;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Import;

/// <summary>What an import did.</summary>
/// <param name="Events">Events taken in.</param>
/// <param name="Lost">Events that the source says it lost.</param>
/// <param name="Unused">What was read and could not be used, by reason.</param>
public sealed record ImportResult(long Events, long Lost, IReadOnlyList<SourceCount> Unused);

/// <summary>Makes a session of neutral events: JSON Lines, sorted by time within each host.</summary>
public static class EventsImport
{
    private const int CancelEvery = 1 << 14;

    /// <summary>Reads files (<c>-</c>: standard input), merges them by time and writes a session folder. On an error nothing is left behind.</summary>
    /// <param name="paths">At least one.</param>
    /// <param name="folder">Folder to make.</param>
    /// <param name="progress">Called now and then with the events read.</param>
    /// <param name="cancel">Ends it; nothing is left behind.</param>
    /// <exception cref="VsException">A line breaks the format (exit code 3, with its number and the field), or the folder cannot be made.</exception>
    public static ImportResult Run(IReadOnlyList<string> paths, string folder, Action<long>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(paths);
        List<LineFile> files = [];
        try
        {
            foreach (string path in paths) files.Add(LineFile.Open(path));
            return Run(files, folder, progress, cancel);
        }
        finally
        {
            foreach (LineFile file in files) file.Dispose();
        }
    }

    internal static ImportResult Run(IReadOnlyList<LineFile> files, string folder, Action<long>? progress, CancellationToken cancel)
    {
        using SessionBuilder builder = new(folder, "import-events", [.. files.Select(file => file.Name)]);
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        PriorityQueue<Input, (long TimeNs, int Order)> next = new();
        int order = 0;
        foreach (Input input in files.Select(file => new Input(file, order++)))
        {
            if (input.MoveNext(digest)) next.Enqueue(input, (input.Event.TimeNs, input.Order));
        }

        while (next.Count > 0)
        {
            Input input = next.Peek();
            try
            {
                builder.Add(input.Event);
            }
            catch (FieldError error)
            {
                throw input.File.Bad(error.Message, error);
            }

            if (builder.Events % CancelEvery == 0)
            {
                cancel.ThrowIfCancellationRequested();
                progress?.Invoke(builder.Events);
            }

            if (!input.MoveNext(digest)) next.Dequeue();
            else if (files.Count > 1) next.DequeueEnqueue(input, (input.Event.TimeNs, input.Order));
        }

        return builder.Complete(digest);
    }

    /// <summary>A file with its next event.</summary>
    private sealed class Input(LineFile file, int order)
    {
        private readonly EventLine _line = new();
        private readonly Dictionary<string, long> _lastOfHost = new(StringComparer.Ordinal);

        public LineFile File => file;

        public int Order => order;

        public NeutralEvent Event { get; } = new();

        public bool MoveNext(IncrementalHash digest)
        {
            while (file.TryRead(out ReadOnlySpan<byte> line))
            {
                if (line.IsEmpty) continue;
                digest.AppendData(line);
                digest.AppendData("\n"u8);
                try
                {
                    _line.Read(line, Event);
                }
                catch (FieldError error)
                {
                    throw file.Bad(error.Message, error);
                }

                long last = _lastOfHost.GetValueOrDefault(Event.Host);
                if (Event.TimeNs < last) throw file.Bad(string.Create(CultureInfo.InvariantCulture, $"field 'ts': expected times that never go back within one host, the line before has {last}"));
                _lastOfHost[Event.Host] = Event.TimeNs;
                return true;
            }

            return false;
        }
    }
}
