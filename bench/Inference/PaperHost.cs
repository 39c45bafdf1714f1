using System.Net;
using VirtualServices.Discover.Sessions;
using VirtualServices.Linux.Files;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Bench.Inference;

/// <summary>A host that exists on paper only: its threads make calls at times of its own clock, and a session of them is written as a recording would have written it. The same seed gives the same bytes.</summary>
internal sealed class PaperHost : IDisposable
{
    /// <summary>What a thread yields that sleeps until it gets something.</summary>
    public const long Asleep = -1;

    private const long StartNs = 1_000_000_000_000;
    private const int FirstForked = 30_000, LastForked = 4_000_000;

    private readonly PriorityQueue<IEnumerator<long>, (long AtNs, long Number)> _due = new();
    private readonly PrivateFolder _folder;
    private readonly SessionWriter _writer;
    private readonly SessionInfo _info;
    private long _number;
    private ulong _cookie = 1000;
    private int _pid = FirstForked;
    private int _port = 20_000;

    /// <summary>Begins a session.</summary>
    public PaperHost(string path, int seed, IReadOnlyList<Service> services, IReadOnlyList<ProcessRecord> processes, IReadOnlyList<SocketRecord> sockets)
    {
        Dice = new Random(seed);
        _info = new SessionInfo(
            SessionInfo.CurrentFormatVersion,
            "00112233445566778899aabbccddeeff",
            "host",
            "6.1.0",
            "boot",
            "record",
            "syscalls",
            new SessionClock("CLOCK_MONOTONIC", StartNs, 0, 0),
            services,
            processes,
            sockets,
            [],
            false);
        _folder = PrivateFolder.Create(path);
        _writer = new SessionWriter(_folder, _info);
    }

    /// <summary>Time of the paper clock.</summary>
    public long NowNs { get; private set; } = StartNs;

    public Random Dice { get; }

    /// <summary>Whoever makes its calls now.</summary>
    public IEnumerator<long>? Running { get; private set; }

    /// <summary>A line of the inventory.</summary>
    public static ProcessRecord Process(int pid, string name, string service, int parent = 1) =>
        new(pid, parent, name, "/usr/bin/" + name, name, $"/{name}-{pid}.service", $"{name}-{pid}.service", 1000, 1, service);

    /// <summary>A listening socket.</summary>
    public static SocketRecord Listener(ulong id, int port, params int[] pids) =>
        new(new SocketDescription(id, id, TransportProtocol.Tcp, SocketRole.Listener, Address(port), Endpoint.None, 0, 0, 1), [.. pids.Select(pid => new SocketHolder(pid, 3))]);

    public static Endpoint Address(int port) => Endpoint.Inet(IPAddress.Loopback, port);

    /// <summary>A thread begins: what it yields is how long its next call takes to come, ns.</summary>
    public void Start(IEnumerable<long> life, long inNs = 0) => Wake(life.GetEnumerator(), inNs);

    /// <summary>Whoever sleeps goes on.</summary>
    public void Wake(IEnumerator<long> sleeper, long inNs = 0) => _due.Enqueue(sleeper, (NowNs + inNs, _number++));

    /// <summary>Lets all go on until so many events are written, and ends the session.</summary>
    public void Run(long events)
    {
        while (_writer.Events < events && _due.TryDequeue(out IEnumerator<long>? next, out (long AtNs, long) due))
        {
            NowNs = Math.Max(due.AtNs, NowNs);
            Running = next;
            if (next.MoveNext() && next.Current != Asleep) Wake(next, next.Current);
        }

        _writer.Complete(_info with { Clock = _info.Clock with { EndNs = NowNs }, EndedCleanly = true, Counts = [new SourceCount("ring", _writer.Events, 0)] });
    }

    /// <summary>Id of a new process.</summary>
    public int NextPid() => _pid = _pid == LastForked ? FirstForked : _pid + 1;

    public ulong NextCookie() => _cookie++;

    public int NextPort() => _port = _port == 60_000 ? 20_001 : _port + 1;

    public void Write(in SessionEvent e) => _writer.Write(in e);

    public void WriteDescription(in SessionEvent e, SocketDescription description) => _writer.WriteDescription(in e, description);

    public void Dispose()
    {
        _writer.Dispose();
        _folder.Dispose();
    }
}
