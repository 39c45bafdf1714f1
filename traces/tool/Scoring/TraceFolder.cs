using VirtualServices.Discover.Joining;
using VirtualServices.Discover.Sessions;

namespace VirtualServices.Traces.Scoring;

/// <summary>The session of a trace; of several hosts it is joined first, in a folder that goes away again.</summary>
internal sealed class TraceFolder : IDisposable
{
    private readonly string? _temporary;

    /// <summary>Finds it, or joins.</summary>
    public TraceFolder(string trace)
    {
        Session = trace;
        if (File.Exists(Path.Combine(trace, SessionJson.FileName))) return;
        _temporary = Directory.CreateTempSubdirectory("vs-trace-").FullName;
        Session = Path.Combine(_temporary, "joined");
        SessionJoin.Run([.. Directory.EnumerateDirectories(trace).Order(StringComparer.Ordinal)], Session, null, CancellationToken.None);
    }

    /// <summary>Folder of the session.</summary>
    public string Session { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_temporary is not null) Directory.Delete(_temporary, recursive: true);
    }
}
