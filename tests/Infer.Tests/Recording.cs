using System.Buffers.Binary;
using System.Net;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Tests;

/// <summary>Builds a session by hand: inventory, sockets and events, with a clock that goes on by itself.</summary>
internal sealed class Recording(string id = "s1", string boot = "boot")
{
    public const long StartNs = 1_000_000_000_000;

    private readonly Dictionary<(int Pid, int Tid), ulong> _cpu = [];
    private ulong _cookie = 100;
    private ulong _inode = 5000;

    public long Now { get; set; } = StartNs;

    public List<Service> Services { get; } = [];

    public List<ProcessRecord> Processes { get; } = [];

    public List<SocketRecord> Sockets { get; } = [];

    public List<SocketDescription> Descriptions { get; } = [];

    public List<SessionEvent> Events { get; } = [];

    public List<string> KnownVirtualServices { get; } = [];

    public long Lost { get; set; }

    public string Level { get; set; } = "syscalls";

    /// <summary>Events carry no thread ids.</summary>
    public bool WithoutThreads { get; set; }

    public ulong NextCookie() => _cookie++;

    public ulong NextInode() => _inode++;

    public Recording Serve(string name, SelectorKind kind, string value)
    {
        Services.Add(new Service(name, [new Selector(kind, value)]));
        return this;
    }

    public ProcessRecord Process(int pid, string service = "", int parent = 1, string exe = "/usr/bin/app", string unit = "", string cgroup = "/", uint uid = 1000, string comm = "app", long startNs = 1)
    {
        var record = new ProcessRecord(pid, parent, comm, exe, exe, cgroup, unit, uid, startNs, service);
        Processes.Add(record);
        return record;
    }

    public void Listening(SocketDescription description, params int[] holders) =>
        Sockets.Add(new SocketRecord(description with { Role = SocketRole.Listener }, [.. holders.Select(h => new SocketHolder(h, 3))]));

    public void Describe(SocketDescription description)
    {
        Descriptions.Add(description);
        Events.Add(new SessionEvent { Call = CallKind.Describe, TimeNs = Now, Child = Descriptions.Count - 1, Fd = -1 });
    }

    public void Call(CallKind call, int pid, ulong socket = 0, int result = 0, int tid = -1, int child = 0, int childPid = 0, ulong cpuNs = 0, ushort knownVs = 0, uint durationNs = 1000, Endpoint? peer = null, ulong request = 0)
    {
        Now += 1000;
        int thread = tid < 0 ? pid : tid;
        ulong cpu = _cpu[(pid, thread)] = _cpu.GetValueOrDefault((pid, thread)) + cpuNs;
        if (call == CallKind.Exit) _cpu.Remove((pid, thread));
        byte[] address = peer?.Address?.MapToIPv6().GetAddressBytes() ?? new byte[16];
        Events.Add(new SessionEvent
        {
            PeerHigh = BinaryPrimitives.ReadUInt64BigEndian(address),
            PeerLow = BinaryPrimitives.ReadUInt64BigEndian(address.AsSpan(8)),
            PeerPort = (ushort)(peer?.Port ?? 0),
            Call = call,
            TimeNs = Now,
            Pid = pid,
            Tid = WithoutThreads ? 0 : thread,
            Socket = socket,
            Result = result,
            Child = child,
            ChildPid = childPid,
            CpuNs = cpu,
            DurationNs = durationNs,
            Fd = socket == 0 ? -1 : 9,
            VirtualService = knownVs,
            Request = request,
        });
    }

    public IEventSource Open() => new Source(this, id, boot);

    public static Endpoint Tcp(string address, int port) => Endpoint.Inet(IPAddress.Parse(address), port);

    private sealed class Source(Recording recording, string id, string boot) : IEventSource
    {
        private int _at;

        public SessionInfo Info { get; } = new(
            SessionInfo.CurrentFormatVersion, id, "host", "6.1", boot, "record", recording.Level,
            new SessionClock("CLOCK_MONOTONIC", StartNs, recording.Now, 0),
            recording.Services, recording.Processes, recording.Sockets,
            [new SourceCount("ring", recording.Events.Count, recording.Lost)], true);

        public IReadOnlyList<SocketDescription> Descriptions => recording.Descriptions;

        public IReadOnlyList<string> VirtualServices => recording.KnownVirtualServices;

        public bool Truncated => false;

        public int Read(Span<SessionEvent> buffer)
        {
            int count = Math.Min(buffer.Length, recording.Events.Count - _at);
            for (int i = 0; i < count; i++) buffer[i] = recording.Events[_at++];
            return count;
        }

        public void Dispose()
        {
        }
    }
}
