using VirtualServices.Cli.Demo;
using VirtualServices.Discover.Sessions;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;
using VirtualServices.Traces.Load;
using VirtualServices.Traces.Truth;

namespace VirtualServices.Traces.Making;

/// <summary>The making of one trace: a folder of its own, cgroups of its own, the recording, and what becomes known of the truth.</summary>
internal sealed class TraceRun : IDisposable
{
    /// <summary>The two tenants of every trace.</summary>
    public const string One = "tenant-a", Other = "tenant-b";

    private const long MostBytes = 2 << 20;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _level;
    private readonly TextWriter _progress;

    /// <summary>Makes folder and cgroups.</summary>
    public TraceRun(string target, string level, TextWriter progress)
    {
        Target = target;
        _level = level;
        _progress = progress;
        Cgroups = DemoCgroups.Create("virtual-services-traces");
        Folder = Directory.CreateTempSubdirectory("vs-trace-").FullName;
        File.SetUnixFileMode(Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
    }

    /// <summary>Where the trace goes.</summary>
    public string Target { get; }

    /// <summary>For the servers' files; gone with this. Others may pass through it.</summary>
    public string Folder { get; }

    /// <summary>Of tenants and servers.</summary>
    public DemoCgroups Cgroups { get; }

    /// <summary>What is known.</summary>
    public List<TruthLine> Truth { get; } = [];

    /// <summary>Ids of the requests that were recorded.</summary>
    public IReadOnlySet<string> Requests => Truth.Where(line => line.Hop is not null).Select(line => line.Hop!.Request).ToHashSet(StringComparer.Ordinal);

    /// <summary>The tenant in the id of a request.</summary>
    public static string TenantOf(string request) => request.StartsWith(One + "-", StringComparison.Ordinal) ? One : Other;

    /// <summary>Starts a tenant's load in its cgroup.</summary>
    public Task<LoadProcess> LoadAsync(LoadPlan plan, CancellationToken cancel, string? networkNamespace = null) =>
        LoadProcess.StartAsync(plan, Cgroups.Folder(plan.Tenant), networkNamespace, cancel);

    /// <summary>Words that make the recorder take a tenant for a service.</summary>
    public IEnumerable<string> Selector(string tenant) => ["--service", $"{tenant}=cgroup:{Cgroups.PathOf(tenant)}"];

    /// <summary>Records while the tenants ask, and keeps what they, and then the servers, know.</summary>
    public Task RecordAsync(IReadOnlyList<string> selectors, IReadOnlyList<LoadProcess> loads, Func<IEnumerable<CpuTruth>> cpu, CancellationToken cancel) =>
        RecordAsync(selectors, loads, () => Task.FromResult(cpu()), cancel);

    /// <summary>The same with servers that do not know at once.</summary>
    public async Task RecordAsync(IReadOnlyList<string> selectors, IReadOnlyList<LoadProcess> loads, Func<Task<IEnumerable<CpuTruth>>> cpu, CancellationToken cancel)
    {
        string session = Path.Combine(Folder, "session");
        await using (await StartRecorderAsync(["-o", session, .. selectors], cancel)) await AskAsync(loads, cancel);
        Truth.AddRange((await cpu()).Select(one => new TruthLine(Cpu: one)));
        Keep(session, "", "host");
        Complete();
    }

    /// <summary>Lets the tenants ask, and keeps what they know.</summary>
    public async Task AskAsync(IReadOnlyList<LoadProcess> loads, CancellationToken cancel)
    {
        await Task.WhenAll(loads.Select(load => load.AskAsync(cancel)));
        foreach (LoadProcess load in loads) Truth.AddRange((await load.CloseAsync(cancel)).Select(hop => new TruthLine(hop)));
        await Task.Delay(300, cancel); // processes that end with their connections
    }

    /// <summary>Starts a recorder; disposing of it ends the recording.</summary>
    public async Task<Recording> StartRecorderAsync(IReadOnlyList<string> words, CancellationToken cancel)
    {
        Child recorder = VsChild.Start(["record", .. words, "--level", _level, "--fail-on-loss"], line => _progress.WriteLine($"    {line}"));
        if (await Wait.UntilAsync(() => recorder.HasExited || recorder.Errors.Contains("recording to", StringComparison.Ordinal), Patience, cancel) && !recorder.HasExited)
            return new Recording(recorder);
        recorder.Dispose();
        throw new VsException(ExitCode.HostLacks, $"the recorder did not start: {recorder.Errors}");
    }

    /// <summary>Puts a session where the trace goes, without what names this machine.</summary>
    /// <param name="session">The session.</param>
    /// <param name="below">Folder below the trace's, empty for that itself.</param>
    /// <param name="host">Name that its host gets.</param>
    /// <exception cref="VsException">It lost something.</exception>
    public void Keep(string session, string below, string host)
    {
        SessionInfo info = SessionJson.Read(Path.Combine(session, SessionJson.FileName));
        if (info.LostEvents() + info.LostPackets() > 0) throw new VsException(ExitCode.DoesNotHold, $"{info.LostEvents()} events and {info.LostPackets()} packets were lost: make the trace again");
        string target = Directory.CreateDirectory(Path.Combine(Target, below)).FullName;
        File.WriteAllBytes(Path.Combine(target, SessionJson.FileName), SessionJson.Write(new Neutral(Folder, host).Of(info)));
        foreach (string name in (string[])[SessionReader.EventsFileName, SessionReader.PacketsFileName])
            if (File.Exists(Path.Combine(session, name))) File.Copy(Path.Combine(session, name), Path.Combine(target, name), overwrite: true);
    }

    /// <summary>Writes the truth.</summary>
    /// <exception cref="VsException">The trace is too large.</exception>
    public void Complete()
    {
        TruthFile.Write(Target, Truth);
        long bytes = Directory.EnumerateFiles(Target, "*", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length);
        _progress.WriteLine($"    {bytes:N0} bytes");
        if (bytes > MostBytes) throw new VsException(ExitCode.DoesNotHold, $"{Target} has {bytes:N0} bytes, more than {MostBytes:N0}");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Directory.Delete(Folder, recursive: true);
        Cgroups.Dispose();
    }

    /// <summary>A recorder that runs.</summary>
    internal sealed class Recording(Child recorder) : IAsyncDisposable
    {
        /// <inheritdoc/>
        public async ValueTask DisposeAsync()
        {
            await recorder.EndAsync(Child.Interrupt, Patience);
            string said = recorder.Errors;
            try
            {
                recorder.ThrowIfFailed();
            }
            catch (VsException error)
            {
                throw new VsException(error.ExitCode, $"the recorder failed: {said}", error);
            }
            finally
            {
                recorder.Dispose();
            }
        }
    }
}
