using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Diagnostics.Tracing;
using VirtualServices.Linux.Files;
using VirtualServices.Model;

namespace VirtualServices.Discover.Import.Dotnet;

/// <summary>A nettrace file with its next event. TraceEvent calls back for each event, so it runs on a thread of its own, a few events ahead: files can then be merged by time.</summary>
internal sealed class NettraceFile : IDisposable
{
    private const int Ahead = 1024, HeadBytes = 4096;
    private readonly BlockingCollection<DotnetEvent> _events = new(Ahead);
    private readonly CancellationTokenSource _stop = new();
    private readonly HashedStream _stream;
    private readonly Thread _reader;
    private readonly string _path;
    private Exception? _error;
    private bool _began;

    private NettraceFile(string path, HashedStream stream, NettraceHead head)
    {
        _path = path;
        _stream = stream;
        Head = head;
        _reader = new Thread(ReadAll) { IsBackground = true, Name = "nettrace" };
    }

    internal NettraceHead Head { get; }

    /// <summary>Name for messages.</summary>
    internal string Name => _path;

    /// <summary>The event read last.</summary>
    internal DotnetEvent Event { get; private set; } = null!;

    /// <summary>What it has and could not be used; complete at the end.</summary>
    internal UnusedCounts Unused { get; } = new();

    /// <summary>Events that the runtime lost when it wrote the file; complete at the end.</summary>
    internal long Lost { get; private set; }

    /// <summary>Hash of what was read; complete at the end.</summary>
    internal byte[] Hash { get; private set; } = [];

    /// <exception cref="VsException">It cannot be read, or is something else.</exception>
    internal static NettraceFile Open(string path)
    {
        if (path == "-") throw new VsException(ExitCode.Usage, "vs import nettrace does not read standard input: write it to a file first");
        if (Directory.Exists(path)) throw VsException.BadInput(path, "expected a file, this is a folder");
        try
        {
            if (FileId.Of(path) is { IsRegular: false }) throw VsException.BadInput(path, "expected a regular file");
            FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
            try
            {
                return Open(stream, path);
            }
            catch
            {
                stream.Dispose();
                throw;
            }
        }
        catch (UnauthorizedAccessException error)
        {
            throw new VsException(ExitCode.Permission, $"cannot read '{path}': {error.Message}", error);
        }
        catch (IOException error)
        {
            throw VsException.BadInput(path, $"expected a file that can be read: {error.Message}", error);
        }
    }

    /// <summary>Reads a stream that can be sought; it is disposed of.</summary>
    internal static NettraceFile Open(Stream stream, string path)
    {
        byte[] first = new byte[HeadBytes];
        NettraceHead head = NettraceHead.Read(first.AsSpan(0, stream.ReadAtLeast(first, HeadBytes, throwOnEndOfStream: false)), path);
        stream.Position = 0;
        return new NettraceFile(path, new HashedStream(stream), head);
    }

    /// <summary>Goes on to the next event; false at the end.</summary>
    /// <exception cref="VsException">The file is damaged.</exception>
    internal bool MoveNext(CancellationToken cancel)
    {
        if (!_began) _reader.Start();
        _began = true;
        if (_events.TryTake(out DotnetEvent? e, Timeout.Infinite, cancel))
        {
            Event = e;
            return true;
        }

        if (_error is not null) throw Bad(_error is OutOfMemoryException ? $"expected a file that can be read within {HeapLimit.Bytes >> 20} MiB of memory" : $"expected a whole nettrace file: {_error.Message}", _error);
        return false;
    }

    /// <summary>An error near what was read last.</summary>
    internal VsException Bad(string expected, Exception? inner = null) => VsException.BadInput(string.Create(CultureInfo.InvariantCulture, $"{_path}@{_stream.Position}"), expected, inner);

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Cancel();
        if (_began) _reader.Join();
        _stream.Dispose();
        _events.Dispose();
        _stop.Dispose();
    }

    private void ReadAll()
    {
        try
        {
            DotnetEventReader reader = new(Head, Unused);
            using EventPipeEventSource source = new(_stream);
            source.Dynamic.All += e =>
            {
                if (reader.Read(e) is { } read) _events.Add(read, _stop.Token);
            };
            try
            {
                source.Process();
            }
            catch (FormatException error) when (IsCut(error))
            {
                Unused.Add("captures that end within a block");
            }

            Lost = source.EventsLost;
            Hash = _stream.Hash; // the library closes the stream
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Nobody wants the rest.
        }
        catch (Exception error)
        {
            _error = error; // whatever a damaged file leads the library to
        }
        finally
        {
            _events.CompleteAdding();
        }
    }

    /// <summary>The recorder was killed: what is there is whole up to the last block.</summary>
    private bool IsCut(FormatException error) => _stream.AtEnd && error.Message.StartsWith("Read past end of stream", StringComparison.Ordinal);

    /// <summary>A file that is read once from its beginning to its end, and its hash.</summary>
    private sealed class HashedStream(Stream inner) : Stream
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private long _position;

        internal byte[] Hash => _hash.GetCurrentHash();

        internal bool AtEnd { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => inner.Length;

        public override long Position { get => _position; set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            int read = inner.Read(buffer);
            _hash.AppendData(buffer[..read]);
            _position += read;
            AtEnd |= read == 0 && buffer.Length > 0;
            return read;
        }

        public override void Flush() { }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                inner.Dispose();
                _hash.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
