using VirtualServices.Discover.Nettrace;
using VirtualServices.Linux.Files;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Sessions;

/// <summary>Writes a session folder so that what is there can be read at any moment, also after a kill. One thread only.</summary>
public sealed class SessionWriter : IDisposable
{
    /// <summary>What becomes of a recording where writing fails.</summary>
    public const string Kept = "What was written before can be read. Free space, or record to another disk.";

    private readonly PrivateFolder _folder;
    private readonly string _fate;
    private readonly NettraceWriter _events;

    /// <summary>Begins a session.</summary>
    /// <param name="folder">Opened folder; stays the caller's.</param>
    /// <param name="info">What is known at the start, not ended.</param>
    /// <param name="fate">What becomes of the session where writing fails, and what helps, for the message.</param>
    public SessionWriter(PrivateFolder folder, SessionInfo info, string fate = Kept)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(info);
        _folder = folder;
        _fate = fate;
        WriteInfo(info);
        _events = Guarded(() => new NettraceWriter(folder.CreateFile(SessionReader.EventsFileName), info.Clock, fate));
    }

    /// <summary>Events written so far.</summary>
    public long Events => _events.Events;

    /// <summary>Bytes of events that left the buffer.</summary>
    public long Bytes => _events.Bytes;

    /// <summary>Writes a call, not a <see cref="CallKind.Describe"/>.</summary>
    public void Write(in SessionEvent e) => _events.Write(in e);

    /// <summary>Writes what is known of a socket.</summary>
    public void WriteDescription(in SessionEvent e, SocketDescription description) => _events.WriteDescription(in e, description);

    /// <summary>Notes a loss at this place.</summary>
    public void Lost(long events) => _events.Lost(events);

    /// <summary>Hands what is buffered to the kernel: from then on only the host's death can take it.</summary>
    public void Flush() => _events.Flush();

    /// <summary>Writes <c>session.json</c> anew, whole or not at all.</summary>
    public void WriteInfo(SessionInfo info) => Guarded(() =>
    {
        _folder.Replace(SessionJson.FileName, SessionJson.Write(info));
        return 0;
    });

    /// <summary>Ends the session cleanly.</summary>
    public void Complete(SessionInfo info)
    {
        ArgumentNullException.ThrowIfNull(info);
        _events.Complete(info.LostEvents());
        WriteInfo(info);
    }

    /// <inheritdoc/>
    public void Dispose() => _events.Dispose();

    private T Guarded<T>(Func<T> write)
    {
        try
        {
            return write();
        }
        catch (Exception error) when (error is IOException or ArgumentOutOfRangeException) // the latter is what .NET makes of EFBIG, a limit of the size of files
        {
            throw new VsException(ExitCode.HostLacks, $"cannot write the session in '{_folder.Path}': {error.Message.TrimEnd('.')}. {_fate}", error);
        }
    }
}
