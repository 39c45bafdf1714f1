using System.IO.Compression;
using VirtualServices.Model;

namespace VirtualServices.Discover.Import;

/// <summary>Lines of a text file, of one that gzip compressed (told by its first bytes, whatever its name; checked to its end by the sums that it carries) or of standard input (<c>-</c>), with their numbers. Memory is bounded by the longest line allowed.</summary>
internal sealed class LineFile : IDisposable
{
    /// <summary>Longest line, bytes.</summary>
    internal const int LongestLine = 1 << 20;

    private readonly Stream _stream;
    private byte[] _buffer = new byte[1 << 16];
    private int _start, _end;
    private bool _ended;

    private LineFile(Stream stream, string name)
    {
        _stream = stream;
        Name = name;
    }

    /// <summary>Name for messages.</summary>
    internal string Name { get; }

    /// <summary>Number of the line read last, from 1.</summary>
    internal long Line { get; private set; }

    /// <summary>Opens a file, or standard input for <c>-</c>.</summary>
    /// <exception cref="VsException">It cannot be read.</exception>
    internal static LineFile Open(string path)
    {
        string name = path == "-" ? "standard input" : path;
        Stream? stream = null;
        if (path != "-" && Directory.Exists(path)) throw VsException.BadInput(path, "expected a file, this is a folder");
        try
        {
            stream = new PeekStream(path == "-" ? Console.OpenStandardInput() : new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan));
            return Open(stream, name);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new VsException(ExitCode.Permission, $"cannot read '{path}': {error.Message}", error);
        }
        catch (IOException error)
        {
            stream?.Dispose();
            throw VsException.BadInput(path, $"expected a file that can be read: {error.Message}", error);
        }
    }

    internal static LineFile Open(Stream stream, string name)
    {
        PeekStream peek = stream as PeekStream ?? new PeekStream(stream);
        return new LineFile(peek.StartsWith(0x1F, 0x8B) ? new GZipStream(peek, CompressionMode.Decompress) : peek, name);
    }

    /// <summary>The next line without its line feed; valid until the next call. False at the end.</summary>
    internal bool TryRead(out ReadOnlySpan<byte> line)
    {
        int searched = _start;
        while (true)
        {
            int feed = _buffer.AsSpan(searched, _end - searched).IndexOf((byte)'\n');
            if (feed >= 0)
            {
                line = Trimmed(_start, searched + feed);
                _start = searched + feed + 1;
                Line++;
                return true;
            }

            if (_ended)
            {
                line = Trimmed(_start, _end);
                bool any = _end > _start;
                _start = _end;
                if (any) Line++;
                return any;
            }

            searched = _end;
            Fill(ref searched);
        }
    }

    /// <summary>An error at the line read last.</summary>
    internal VsException Bad(string expected, Exception? inner = null) => VsException.BadInput($"{Name}:{Math.Max(Line, 1)}", expected, inner);

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    private ReadOnlySpan<byte> Trimmed(int from, int to) => _buffer.AsSpan(from, to > from && _buffer[to - 1] == '\r' ? to - 1 - from : to - from);

    private void Fill(ref int searched)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            searched -= _start;
            _end -= _start;
            _start = 0;
        }

        if (_end == _buffer.Length)
        {
            if (_buffer.Length >= LongestLine)
            {
                Line++;
                throw Bad($"expected lines of at most {LongestLine} bytes");
            }

            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        try
        {
            int read = _stream.Read(_buffer, _end, _buffer.Length - _end);
            _end += read;
            _ended = read == 0;
        }
        catch (InvalidDataException error)
        {
            Line++;
            throw Bad("expected more of the compressed file: it ends too early, or is damaged, here or somewhat later (gzip -t tells)", error);
        }
        catch (IOException error)
        {
            Line++;
            throw Bad($"expected a file that can be read to its end: {error.Message}", error);
        }
    }

    /// <summary>A stream whose first bytes may be looked at.</summary>
    private sealed class PeekStream(Stream inner) : Stream
    {
        private readonly byte[] _first = new byte[2];
        private int _held, _given;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public bool StartsWith(byte one, byte two)
        {
            _held = inner.ReadAtLeast(_first, 2, throwOnEndOfStream: false);
            return _held == 2 && _first[0] == one && _first[1] == two;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            if (_given == _held) return inner.Read(buffer);
            int count = Math.Min(buffer.Length, _held - _given);
            _first.AsSpan(_given, count).CopyTo(buffer);
            _given += count;
            return count;
        }

        public override void Flush() { }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing) inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
