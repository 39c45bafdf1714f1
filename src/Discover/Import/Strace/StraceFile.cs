using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using VirtualServices.Discover.Import.Calls;
using VirtualServices.Model;

namespace VirtualServices.Discover.Import.Strace;

/// <summary>A file of strace output with its next line.</summary>
internal sealed class StraceFile : IDisposable
{
    /// <summary>A file none of whose first lines is strace output is something else.</summary>
    private const int MostForeignLines = 10_000;

    private readonly LineFile _lines;
    private readonly StraceClock _clock = new();
    private readonly int _namedTid;
    private char[] _text = new char[4096];
    private int _length;
    private bool _anyKnown;

    private StraceFile(LineFile lines, string path, int order)
    {
        _lines = lines;
        Order = order;
        // strace -ff -o NAME writes NAME.PID for each thread.
        ReadOnlySpan<char> suffix = path.AsSpan(path.LastIndexOf('.') + 1);
        if (int.TryParse(suffix, NumberStyles.None, CultureInfo.InvariantCulture, out int pid) && pid > 0) _namedTid = pid;
    }

    /// <summary>Name for messages.</summary>
    internal string Name => _lines.Name;

    /// <summary>Place among the files given.</summary>
    internal int Order { get; }

    /// <summary>The line read last.</summary>
    internal ReadOnlySpan<char> Text => _text.AsSpan(0, _length);

    /// <summary>Its thread: as it says, else as the file's name says; 1 for a trace of a single process that names none.</summary>
    internal int Tid { get; private set; }

    /// <summary>Its time, ns.</summary>
    internal long TimeNs { get; private set; }

    /// <summary>When what it tells took effect: orders the lines of several files.</summary>
    internal long EffectNs { get; private set; }

    /// <summary>The file has no times, or times of whole seconds.</summary>
    internal bool Coarse => _clock.Coarse;

    internal static StraceFile Open(string path, int order) => Open(LineFile.Open(path), path, order);

    internal static StraceFile Open(LineFile lines, string path, int order) => new(lines, path, order);

    /// <summary>Reads the next line that is strace output.</summary>
    internal bool MoveNext(IncrementalHash digest, UnusedCounts unused)
    {
        while (_lines.TryRead(out ReadOnlySpan<byte> bytes))
        {
            digest.AppendData(bytes);
            digest.AppendData("\n"u8);
            if (bytes.IsEmpty) continue;
            if (_text.Length < bytes.Length) Array.Resize(ref _text, Math.Max(bytes.Length, _text.Length * 2));
            _length = Encoding.UTF8.GetChars(bytes, _text);
            StraceLine line = StraceLine.Parse(Text);
            if (line.Kind == StraceLineKind.Unknown || !_clock.TryRead(line.Time, out long timeNs))
            {
                unused.Add("lines that are no strace output");
                if (!_anyKnown && _lines.Line >= MostForeignLines) throw Foreign();
                continue;
            }

            // Chance makes "x(" of any binary file, but hardly a result.
            _anyKnown |= line.Kind != StraceLineKind.Call || line.Rest.Contains(" = ", StringComparison.Ordinal);
            Tid = line.Tid != 0 ? line.Tid : _namedTid != 0 ? _namedTid : 1;
            TimeNs = EffectNs = timeNs;
            if (line.Kind == StraceLineKind.Call && CallNames.KindOf(line.Name) is CallForm.Receive or CallForm.Accept) EffectNs += DurationOf(line.Rest);
            return true;
        }

        return _anyKnown || _lines.Line == 0 ? false : throw Foreign();
    }

    /// <summary>An error at this line.</summary>
    internal VsException Bad(string expected, Exception inner) => _lines.Bad(expected, inner);

    /// <inheritdoc/>
    public void Dispose() => _lines.Dispose();

    private VsException Foreign() => _lines.Bad("expected output of strace, such as '1234 1700000000.123456 read(3, \"\", 10) = 0': no line up to here is");

    private static long DurationOf(ReadOnlySpan<char> rest)
    {
        int open = rest.LastIndexOf(" <");
        if (open < 0 || rest[^1] != '>' || !StraceClock.TrySeconds(rest[(open + 2)..^1], out long seconds, out long ns)) return 0;
        return (seconds * 1_000_000_000) + ns;
    }
}
