using VirtualServices.Discover.Nettrace;
using VirtualServices.Linux.Files;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Sessions;

/// <summary>Reads a session folder as a stream, with bounded memory.</summary>
/// <remarks>
/// Events come in the order in which they took effect: a receive, accept or wait when it ended (only then were the bytes or the connection there), every other call when it
/// began (what it sends can be received before it returns). The calls of one thread keep their order always. Calls of different threads are put in order within a window of
/// <see cref="Window"/> events, so a send that blocked for longer comes late.
/// </remarks>
public sealed class SessionReader : IEventSource
{
    /// <summary>Name of the events' file in a session folder.</summary>
    public const string EventsFileName = "events.nettrace";

    /// <summary>Name of the packets' file, where there is one.</summary>
    public const string PacketsFileName = "packets.pcap";

    /// <summary>Events that are held back to put them in order.</summary>
    public const int Window = 4096;

    private readonly NettraceReader _file;
    private readonly ReorderWindow _window = new(Window);
    private bool _ended;

    private SessionReader(SessionInfo info, NettraceReader file)
    {
        Info = info;
        _file = file;
    }

    /// <inheritdoc/>
    public SessionInfo Info { get; }

    /// <inheritdoc/>
    public IReadOnlyList<SocketDescription> Descriptions => _file.Descriptions;

    /// <inheritdoc/>
    public IReadOnlyList<string> VirtualServices => Info.VirtualServices ?? [];

    /// <summary>After the end: true where the events' file was cut, or where nobody wrote that the recording ended: its last events may be missing even where the file looks whole.</summary>
    public bool Truncated => _ended && !(_file.Complete && Info.EndedCleanly);

    /// <summary>Events that the recorder lost, as the events' numbers tell, so far.</summary>
    public long Lost => _file.Lost;

    /// <summary>Opens a session folder.</summary>
    /// <exception cref="VsException">There is no session, it is of another version, or it is malformed (exit code 3).</exception>
    public static SessionReader Open(string folder)
    {
        SessionInfo info = SessionJson.Read(Path.Combine(folder, SessionJson.FileName));
        string path = Path.Combine(folder, EventsFileName);
        if (FileId.Of(path) is { IsRegular: false }) throw VsException.BadInput(path, "expected the session's events: this is a folder, a pipe or a device");
        try
        {
            return Open(info, new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1 << 16), path);
        }
        catch (FileNotFoundException error)
        {
            throw VsException.BadInput(path, "expected the session's events: there is no such file", error);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new VsException(ExitCode.Permission, $"cannot read '{path}': {error.Message}", error);
        }
    }

    /// <summary>The files of a session folder, whether they exist or not.</summary>
    public static IReadOnlyList<string> FilesOf(string folder) => [Path.Combine(folder, SessionJson.FileName), Path.Combine(folder, EventsFileName), Path.Combine(folder, PacketsFileName)];

    internal static SessionReader Open(SessionInfo info, Stream events, string path)
    {
        try
        {
            return new SessionReader(info, new NettraceReader(events, path));
        }
        catch
        {
            events.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public int Read(Span<SessionEvent> buffer)
    {
        int count = 0;
        while (count < buffer.Length)
        {
            while (!_ended && !_window.IsFull)
            {
                if (_file.TryRead(out SessionEvent e)) _window.Add(in e);
                else _ended = true;
            }

            if (_window.IsEmpty) break;
            _window.TakeFirst(out buffer[count++]);
        }

        return count;
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
