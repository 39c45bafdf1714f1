using System.Text;
using VirtualServices.Discover.Import;
using VirtualServices.Discover.Import.Dotnet;
using VirtualServices.Discover.Import.Pcap;
using VirtualServices.Discover.Import.Perf;
using VirtualServices.Discover.Import.Strace;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Discover.Tests;

/// <summary>A session that was imported into a folder of its own, read back.</summary>
internal sealed class Imported : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vs-import").FullName;
    private readonly SessionReader _reader;

    private Imported(Func<string, ImportResult> import)
    {
        try
        {
            Result = import(Path.Combine(_folder, "s"));
            _reader = SessionReader.Open(Path.Combine(_folder, "s"));
        }
        catch
        {
            Directory.Delete(_folder, recursive: true);
            throw;
        }

        var buffer = new SessionEvent[64];
        for (int count; (count = _reader.Read(buffer)) > 0;)
        {
            foreach (SessionEvent e in buffer.AsSpan(0, count))
            {
                Events.Add(e);
                if (e.Call == CallKind.Describe) Sockets[e.Socket] = _reader.Descriptions[e.Child];
            }
        }
    }

    internal ImportResult Result { get; }

    internal SessionInfo Info => _reader.Info;

    internal List<SessionEvent> Events { get; } = [];

    /// <summary>As they were described last.</summary>
    internal Dictionary<ulong, SocketDescription> Sockets { get; } = [];

    internal static string Golden(string name) => Path.Combine(AppContext.BaseDirectory, "Golden", name);

    internal static Imported Strace(params string[] paths) => new(folder => StraceImport.Run(paths, folder, null, CancellationToken.None));

    internal static Imported StraceText(string text, string name = "trace") =>
        new(folder => StraceImport.Run([StraceFile.Open(LineFile.Open(new MemoryStream(Encoding.UTF8.GetBytes(text)), name), name, 0)], folder, null, CancellationToken.None));

    internal static Imported Perf(string path) => new(folder => PerfImport.Run([path], folder, null, CancellationToken.None));

    internal static Imported PerfText(string text) => new(folder => PerfImport.Run(LineFile.Open(new MemoryStream(Encoding.UTF8.GetBytes(text)), "perf.txt"), folder, null, CancellationToken.None));

    internal static Imported Pcap(params string[] paths) => new(folder => PcapImport.Run(paths, folder, null, CancellationToken.None));

    internal static Imported Nettrace(params string[] paths) => new(folder => NettraceImport.Run(paths, folder, null, CancellationToken.None));

    internal static Imported Nettrace(byte[] bytes)
    {
        using NettraceFile file = NettraceFile.Open(new MemoryStream(bytes), "x.nettrace");
        return new Imported(folder => NettraceImport.Run([file], folder, null, CancellationToken.None));
    }

    internal long Count(CallKind kind) => Events.Count(e => e.Call == kind);

    /// <summary>How much was not used for this reason.</summary>
    internal long Unused(string reason) => Result.Unused.Where(count => count.Source == reason).Sum(count => count.Unused);

    /// <summary>Calls that moved bytes.</summary>
    internal long Moved(CallKind kind) => Events.Count(e => e.Call == kind && e.Result > 0);

    public void Dispose()
    {
        _reader.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
