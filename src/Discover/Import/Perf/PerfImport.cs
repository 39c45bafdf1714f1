using System.Security.Cryptography;
using System.Text;
using VirtualServices.Discover.Import.Calls;
using VirtualServices.Model;

namespace VirtualServices.Discover.Import.Perf;

/// <summary>Makes a session of the text that <c>perf script</c> prints of <c>syscalls:*</c> and <c>sched:*</c> tracepoints.</summary>
public static class PerfImport
{
    private const int TellEvery = 1 << 14;

    /// <summary>A file none of whose first lines is an event is something else.</summary>
    private const int MostForeignLines = 10_000;

    /// <summary>Reads one file, which perf has sorted by time, and writes a session folder. On an error nothing is left behind.</summary>
    /// <param name="paths">One; <c>-</c> is standard input.</param>
    /// <param name="folder">Folder to make.</param>
    /// <param name="progress">Called now and then with the events written.</param>
    /// <param name="cancel">Ends it; nothing is left behind.</param>
    /// <exception cref="VsException">The file is no output of perf script (exit code 3), there are several (2), or the folder cannot be made.</exception>
    public static ImportResult Run(IReadOnlyList<string> paths, string folder, Action<long>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(paths);
        if (paths.Count != 1) throw new VsException(ExitCode.Usage, "vs import perf takes one file: perf script sorts by time what one perf record has written. Import each, and give all sessions to vs infer.");
        using LineFile file = LineFile.Open(paths[0]);
        return Run(file, folder, progress, cancel);
    }

    internal static ImportResult Run(LineFile file, string folder, Action<long>? progress, CancellationToken cancel)
    {
        using SessionBuilder builder = new(folder, "import-perf", [file.Name]);
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        PerfTrace trace = new(new CallTranslator(builder.Add, builder.Unused), builder.Unused);
        char[] text = new char[4096];
        bool any = false;
        while (file.TryRead(out ReadOnlySpan<byte> bytes))
        {
            digest.AppendData(bytes);
            digest.AppendData("\n"u8);
            if (bytes.IsEmpty || bytes[0] == (byte)'#') continue;
            if (text.Length < bytes.Length) Array.Resize(ref text, bytes.Length);
            if (!PerfLine.TryParse(text.AsSpan(0, Encoding.UTF8.GetChars(bytes, text)), out PerfLine line))
            {
                builder.Unused.Add("lines that are no event, such as call chains");
                if (!any && file.Line >= MostForeignLines) break;
                continue;
            }

            any = true;
            try
            {
                trace.Take(line);
            }
            catch (FieldError error)
            {
                throw file.Bad(error.Message, error);
            }

            if (file.Line % TellEvery == 0)
            {
                cancel.ThrowIfCancellationRequested();
                progress?.Invoke(builder.Events);
            }
        }

        if (!any && file.Line > 0) throw file.Bad("expected output of perf script, such as 'nginx 1234/1234 [000] 12.345678: syscalls:sys_enter_read: fd: 0x00000003': no line up to here is");
        trace.Complete();
        return builder.Complete(digest);
    }
}
