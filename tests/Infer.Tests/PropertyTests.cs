using System.Globalization;
using System.Text;
using CsCheck;
using VirtualServices.Infer.Inventory;
using VirtualServices.Infer.Replays;
using VirtualServices.Infer.Turns;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;
using static VirtualServices.Infer.Tests.PostgresTests;

namespace VirtualServices.Infer.Tests;

public sealed class PropertyTests
{
    private static readonly int[] Extremes = [int.MinValue, -1, 0, int.MaxValue];

    private static readonly Gen<int> Small = Gen.Frequency((20, Gen.Int[1, 8]), (1, Gen.OneOf(Extremes)));

    private static readonly Gen<ulong> Socket = Gen.Frequency(
        (10, Gen.ULong[1, 6]),
        (2, Gen.ULong[1, 6].Select(n => n | SocketDescription.InodeFlag)),
        (1, Gen.OneOf(0UL, ulong.MaxValue)));

    private static readonly Gen<SessionEvent> AnyEvent =
        Gen.Select(Gen.Byte[0, 14], Small, Small, Socket, Small, Small, Gen.ULong, Gen.Int[0, 3]).Select((call, pid, tid, socket, result, child, cpu, known) => new SessionEvent
        {
            Call = (CallKind)call,
            Pid = pid,
            Tid = tid,
            Socket = socket,
            Result = result,
            Child = child,
            ChildPid = child,
            CpuNs = cpu % 3 == 0 ? cpu : cpu % 1000,
            VirtualService = known - 1,
            Fd = 3,
            DurationNs = (uint)cpu,
        });

    private static readonly Gen<Endpoint> AnyEndpoint = Gen.OneOf(
        Endpoint.None,
        Recording.Tcp("127.0.0.1", 80), Recording.Tcp("127.0.0.1", 1), Recording.Tcp("::1", 80), Recording.Tcp("::ffff:127.0.0.1", 1),
        new Endpoint(null, 0, "/run/x"), new Endpoint(null, -5, "@"), new Endpoint(null, 70_000, "\n"));

    private static readonly Gen<SocketDescription> AnySocket =
        Gen.Select(Socket, Gen.ULong[0, 6], Gen.Byte[0, 5], Gen.Byte[0, 4], AnyEndpoint, AnyEndpoint, Gen.ULong[0, 6], Small)
            .Select((id, inode, protocol, role, local, remote, peerInode, peer) => new SocketDescription(id, inode, (TransportProtocol)protocol, (SocketRole)role, local, remote, peerInode, peer, 0));

    private static readonly Gen<Recording> AnyRecording =
        Gen.Select(AnyEvent.Array[0, 200], AnySocket.Array[0, 10], Gen.Int[0, 1_000_000]).Select((events, sockets, seed) => Random(events, sockets, seed));

    /// <summary>A database in good order, with random tenants, ways and numbers of requests.</summary>
    private static readonly Gen<Recording> Orderly =
        Gen.Select(Gen.Select(Gen.Int[2, 4], Gen.Int[0, 3], Gen.Int[0, 6], Gen.Bool, Gen.Bool).Array[0, 12], Gen.Bool, Gen.Int[0, 1_000_000])
            .Select((connections, threads, seed) => Database(connections, threads, $"s{seed}"));

    private static Recording Random(SessionEvent[] events, SocketDescription[] sockets, int seed)
    {
        var recording = new Recording("r" + seed.ToString(CultureInfo.InvariantCulture));
        recording.Serve("one", SelectorKind.Pid, "1").Serve("two", SelectorKind.Pid, "2");
        for (int pid = 1; pid <= 6; pid++) recording.Process(pid, pid == 1 ? "one" : pid == 2 ? "two" : "", parent: seed % 5, uid: (uint)pid, unit: pid > 3 ? $"u{pid}.service" : "", exe: pid == 6 ? "" : "/bin/x");
        recording.KnownVirtualServices.AddRange(["t0", "t1"]);
        foreach (SocketDescription socket in sockets)
        {
            if ((socket.Inode & 1) == 0) recording.Sockets.Add(new SocketRecord(socket, [new SocketHolder((int)(socket.Inode % 7), 3)]));
            else recording.Describe(socket);
        }

        long now = Recording.StartNs;
        foreach (SessionEvent e in events) recording.Events.Add(e with { TimeNs = now += 500 });
        return recording;
    }

    private static Recording Database((int Tenant, int Way, int Requests, bool Recorded, bool Close)[] connections, bool threads, string id)
    {
        var recording = new Recording(id) { WithoutThreads = !threads };
        for (int tenant = 2; tenant <= 4; tenant++) recording.Process(tenant * 100, unit: $"t{tenant}.service", cgroup: $"/t{tenant}.service");
        Postgres postgres = new Postgres(recording).OnUnixSocket();
        foreach ((int tenant, int way, int requests, bool recorded, bool close) in connections)
        {
            Session session = postgres.Connect(tenant * 100, (Way)way, clientRecorded: false, acceptByInode: recorded);
            for (int i = 0; i < requests; i++) session.Ask(10 + i, 100, 1000);
            if (close) session.Close();
            else postgres.Worker(500);
        }

        return recording;
    }

    /// <summary>Everything that comes out, as text.</summary>
    private static string Everything(InferenceResult result)
    {
        var text = new StringBuilder(OutputTests.Report(result));
        foreach (VirtualService vs in result.Rules.VirtualServices) text.AppendLine(CultureInfo.InvariantCulture, $"{vs} {string.Join(' ', vs.FrontDoors)}");
        foreach (Gate gate in result.Rules.Gates) text.AppendLine(CultureInfo.InvariantCulture, $"{gate} {string.Join(' ', gate.Evidence!.Samples)} {string.Join(' ', gate.Evidence.CounterExamples)}");
        foreach (ServiceFinding service in result.Services) text.AppendLine(CultureInfo.InvariantCulture, $"{service} {string.Join(' ', service.Flows)} {string.Join(' ', service.Cpu)}");
        return text.ToString();
    }

    [Fact]
    public void Any_stream_of_events_is_survived() => AnyRecording.Sample(
        recording =>
        {
            InferenceResult result = Conclude(recording);
            OutputTests.Lines(OutputTests.Links(recording));
            OutputTests.Lines(OutputTests.Attribution(result, recording));
            OutputTests.Report(result);
            Replay.Run(result.Rules, recording.Open());
        },
        iter: 3000, print: Print);

    [Fact]
    public void Counts_add_up_on_any_stream() => AnyRecording.Sample(
        recording =>
        {
            InferenceResult result = Conclude(recording);
            foreach (GateEvidence evidence in result.Rules.Gates.Select(g => g.Evidence!))
            {
                Assert.Equal(evidence.Observed, evidence.Agreed + evidence.Contradicted + evidence.Unknown);
                Assert.True(evidence.Agreed > 0, "no rule without data");
                Assert.InRange(evidence.Confidence, 0, 1);
            }

            int requests = OutputTests.Lines(OutputTests.Attribution(result, recording)).Count(l => l.GetProperty("service").ValueKind == System.Text.Json.JsonValueKind.String);
            Assert.Equal(requests, result.Services.Sum(s => s.Flows.Sum(f => f.Requests)));

            var used = new UsedCpu();
            new SessionWalker(recording.Open(), used).Run();
            Assert.All(result.Services, s => Assert.Equal(used.Of(s.Name), s.Cpu.Aggregate(s.CpuForNobodyNs, (sum, part) => sum + part.Ns)));
            Assert.All(result.Services, s => Assert.InRange(s.CpuForNobodyNs, s.BackgroundCpuNs, used.Of(s.Name)));
        },
        iter: 1000, print: Print);

    [Fact]
    public void The_same_sessions_give_the_same_text() => AnyRecording.Sample(
        recording => Assert.Equal(Everything(Conclude(recording)), Everything(Conclude(recording))), iter: 300, print: Print);

    [Fact]
    public void The_order_of_sessions_does_not_matter() => Gen.Select(Orderly, AnyRecording, Orderly).Sample(
        (one, two, three) =>
        {
            if (new[] { one, two, three }.Select(r => r.Open().Info.Id).Distinct().Count() < 3) return;
            string expected = Everything(Conclude(one, two, three));
            Assert.Equal(expected, Everything(Conclude(three, one, two)));
            Assert.Equal(expected, Everything(Conclude(two, three, one)));
        },
        iter: 150, print: t => Print(t.Item1));

    [Fact]
    public void Sessions_add_up() => Gen.Select(Orderly, Orderly).Sample(
        (one, two) =>
        {
            if (one.Open().Info.Id == two.Open().Info.Id) return;
            long Agreed(params Recording[] all) => Conclude(all).Rules.Gates.Sum(g => g.Evidence!.Agreed);
            Assert.Equal(Agreed(one) + Agreed(two), Agreed(one, two));
        },
        iter: 200, print: t => Print(t.Item1));

    [Fact]
    public void An_orderly_database_is_understood_in_full_and_replays_as_inferred() => Orderly.Sample(
        recording =>
        {
            InferenceResult result = Conclude(recording);
            ServiceFinding finding = result.Services.Single();
            Assert.Equal(finding.Flows.Sum(f => f.Requests), result.Rules.Gates.Sum(g => g.Evidence!.Agreed));
            Assert.Equal(0, result.Rules.Gates.Sum(g => g.Evidence!.Contradicted + g.Evidence.Unknown));
            if (result.Rules.Gates.Count == 0) return;
            ReplayService replay = Assert.Single(Replay.Run(result.Rules, recording.Open()).Services);
            Assert.Equal(finding.Cpu.Where(c => c.Ns > 0).Select(c => (c.VirtualService, c.Ns)), replay.Parts.Where(p => p.VirtualService is not null && p.CpuNs > 0).Select(p => (p.VirtualService!, p.CpuNs)));
            Assert.Equal(finding.CpuForNobodyNs, replay.Parts[^1].CpuNs);
        },
        iter: 300, print: Print);

    [Fact]
    public void A_process_seen_between_two_open_requesters_is_never_bound() => Gen.Select(Orderly, Gen.Int[0, 1000]).Sample(
        (recording, unused) =>
        {
            var postgres = new Postgres(new Recording());
            Session one = new Postgres(recording).Connect(200, Way.Tcp4, clientRecorded: false);
            (SocketDescription other, _) = postgres.Sockets(Way.Tcp4, 300, known: true);
            other = other with { Id = 99_000, Inode = 99_001 };
            recording.Describe(other);
            recording.Call(CallKind.Receive, one.Backend, other.Id, 10);
            one.Ask(5, 5, 5);
            InferenceResult result = Conclude(recording);
            Assert.Empty(result.Rules.Gates);
            Assert.Contains(result.Unknowns, u => u.Reason.StartsWith("no gate", StringComparison.Ordinal));
        },
        iter: 100, print: t => Print(t.Item1));

    [Fact]
    public void One_session_does_not_count_twice()
    {
        Recording recording = TwoTenants(Way.Tcp4, recorded: false);
        var engine = new InferenceEngine();
        engine.Add(recording.Open());
        VsException error = Assert.Throws<VsException>(() => engine.Add(recording.Open()));
        Assert.Equal(ExitCode.Usage, error.ExitCode);
    }

    /// <summary>All CPU time of each service.</summary>
    private sealed class UsedCpu : ActivitySink
    {
        private readonly Dictionary<string, ulong> _sums = new(StringComparer.Ordinal);

        public ulong Of(string service) => _sums.GetValueOrDefault(service);

        public override void OnCpu(TracedThread thread, in SessionEvent e, ulong ns)
        {
            if (thread.Process.Party is { Recorded: true } party) _sums[party.Name] = Of(party.Name) + ns;
        }
    }

    private static string Print(Recording recording) => string.Join('\n', recording.Events.Select(e =>
        $"{e.Call} pid {e.Pid} tid {e.Tid} socket {e.Socket:x} result {e.Result} child {e.Child}"));
}
