using VirtualServices.Model;
using VirtualServices.Model.Sessions;
using static VirtualServices.Infer.Tests.PostgresTests;

namespace VirtualServices.Infer.Tests;

public sealed class ModelTests
{
    private static Recording Clients(string id = "s1")
    {
        var recording = new Recording(id);
        recording.Process(200, unit: "shop.service", cgroup: "/system.slice/shop.service");
        recording.Process(300, unit: "blog.service", cgroup: "/system.slice/blog.service");
        return recording;
    }

    /// <summary>A worker of a listening server, which serves what it accepts itself.</summary>
    private static (Recording Recording, ulong Shop, ulong Blog) Worker(bool second = true)
    {
        Recording recording = Clients();
        recording.Serve("web", SelectorKind.Listen, "tcp/80");
        recording.Process(100, "web", exe: "/usr/sbin/web", unit: "web.service", cgroup: "/system.slice/web.service", uid: 33);
        recording.Listening(new SocketDescription(1, 11, TransportProtocol.Tcp, SocketRole.Listener, Recording.Tcp("0.0.0.0", 80), Endpoint.None, 0, 0, 1), 100);
        ulong shop = Accept(recording, 200, 41_000);
        ulong blog = second ? Accept(recording, 300, 41_001) : 0;
        return (recording, shop, blog);
    }

    private static ulong Accept(Recording recording, int client, int port)
    {
        ulong socket = recording.NextCookie();
        recording.Describe(new SocketDescription(socket, recording.NextInode(), TransportProtocol.Tcp, SocketRole.Server, Recording.Tcp("127.0.0.1", 80), Recording.Tcp("127.0.0.1", port), 0, client, 1));
        recording.Call(CallKind.Accept, 100, socket, 7);
        return socket;
    }

    private static void Ask(Recording recording, ulong socket, int tid = -1)
    {
        recording.Call(CallKind.Receive, 100, socket, 40, tid);
        recording.Call(CallKind.Send, 100, socket, 400, tid, cpuNs: 10_000);
    }

    [Fact]
    public void A_thread_that_goes_back_and_forth_is_an_event_loop_whose_requests_are_bound()
    {
        (Recording recording, ulong shop, ulong blog) = Worker();
        for (int i = 0; i < 5; i++)
        {
            Ask(recording, shop);
            Ask(recording, blog);
        }

        InferenceResult result = Conclude(recording);
        Gate gate = Assert.Single(result.Rules.Gates);
        Assert.Equal((GateCall.Receive, BindScope.Request, "tcp/80"), (gate.On, gate.Binds, gate.When.Listen?.ToString()));
        Assert.Equal((10L, 10L, 0L, 0L, "event-loop"), (gate.Evidence!.Observed, gate.Evidence.Agreed, gate.Evidence.Contradicted, gate.Evidence.Unknown, gate.Evidence.Pattern));
        Assert.Empty(gate.Evidence.CounterExamples);
        Assert.Equal(ExecutionModel.EventLoop, result.Services.Single().Model);
        Assert.Equal(["blog", "shop"], result.Services.Single().Cpu.Select(c => c.VirtualService));
    }

    [Fact]
    public void An_event_loop_on_a_unix_socket_gets_no_gate_because_its_requests_cannot_be_held()
    {
        Recording recording = Clients();
        recording.Serve("web", SelectorKind.Listen, "unix//run/web.sock");
        recording.Process(100, "web", exe: "/usr/sbin/web", unit: "web.service", cgroup: "/system.slice/web.service", uid: 33);
        Endpoint here = new(null, 0, "/run/web.sock");
        recording.Listening(new SocketDescription(1, 11, TransportProtocol.Unix, SocketRole.Listener, here, Endpoint.None, 0, 0, 1), 100);
        ulong[] sockets = [recording.NextCookie(), recording.NextCookie()];
        for (int i = 0; i < 2; i++)
        {
            recording.Describe(new SocketDescription(sockets[i], recording.NextInode(), TransportProtocol.Unix, SocketRole.Server, here, Endpoint.None, 0, i == 0 ? 200 : 300, 1));
            recording.Call(CallKind.Accept, 100, sockets[i], 7);
        }

        for (int i = 0; i < 6; i++) Ask(recording, sockets[i % 2]);
        InferenceResult result = Conclude(recording);
        Assert.Empty(result.Rules.Gates);
        Assert.Equal(ExecutionModel.EventLoop, result.Services.Single().Model);
        Unknown unknown = Assert.Single(result.Unknowns, u => u.Subject == "web");
        Assert.Equal(6, unknown.Count);
        Assert.Contains("only requests over TCP can be admitted", unknown.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Connections_with_a_thread_each_are_recognised()
    {
        (Recording recording, ulong shop, ulong blog) = Worker();
        for (int i = 0; i < 5; i++)
        {
            Ask(recording, shop, 1001);
            Ask(recording, blog, 1002);
        }

        InferenceResult result = Conclude(recording);
        Assert.Empty(result.Rules.Gates);
        Assert.Equal(ExecutionModel.ThreadPerConnection, result.Services.Single().Model);
    }

    [Fact]
    public void Without_thread_ids_nothing_is_said_of_threads()
    {
        (Recording recording, ulong shop, ulong blog) = Worker();
        recording.WithoutThreads = true;
        for (int i = 0; i < 5; i++)
        {
            Ask(recording, shop);
            Ask(recording, blog);
        }

        InferenceResult result = Conclude(recording);
        Assert.Empty(result.Rules.Gates);
        Assert.Equal(ExecutionModel.Unknown, result.Services.Single().Model);
    }

    [Fact]
    public void A_process_that_serves_one_connection_after_another_is_pre_fork()
    {
        (Recording recording, ulong shop, _) = Worker(second: false);
        Ask(recording, shop);
        recording.Call(CallKind.Close, 100, shop);
        ulong blog = Accept(recording, 300, 41_002);
        Ask(recording, blog);
        recording.Call(CallKind.Close, 100, blog);

        InferenceResult result = Conclude(recording);
        Assert.Empty(result.Rules.Gates);
        Assert.Contains(result.Unknowns, u => u.Reason.Contains("pre-fork", StringComparison.Ordinal));
        Assert.Equal(ExecutionModel.PreFork, result.Services.Single().Model);
    }

    [Fact]
    public void Connections_that_were_open_at_the_start_are_evidence()
    {
        Recording recording = Clients();
        var postgres = new Postgres(recording);
        Session shop = postgres.Existing(200, Way.Tcp4, clientRecorded: false);
        Session blog = postgres.Existing(300, Way.Unix, clientRecorded: false);
        shop.Ask(10, 10, 1000);
        blog.Ask(10, 10, 1000);
        blog.Ask(10, 10, 1000);

        InferenceResult result = Conclude(recording);
        ServiceFinding finding = result.Services.Single();
        Assert.Equal((ExecutionModel.ProcessPerConnection, 2L, 0L), (finding.Model, finding.Evidence.HeldByOwnProcess, finding.Evidence.ForkedForIt));
        Assert.Equal(3, result.Rules.Gates.Sum(g => g.Evidence!.Agreed));
    }

    [Theory]
    [InlineData(false, true, true)]
    [InlineData(false, false, false)] // it waited for connections: whether it ends with this one nobody knows
    [InlineData(true, true, true)]
    public void Where_accept_is_told_at_first_use_a_process_younger_than_its_connection_was_forked_for_it(bool unix, bool younger, bool proven)
    {
        Recording recording = Clients();
        recording.Level = "sockets";
        Postgres postgres = new Postgres(recording).OnUnixSocket();
        for (int i = 0; i < 4; i++)
        {
            long made = recording.Now + (younger ? 0 : 1_000_000);
            int backend = postgres.Fork();
            (SocketDescription server, _) = postgres.Sockets(unix ? Way.Unix : Way.Tcp4, i % 2 == 0 ? 200 : 300, known: true);
            recording.Describe(server);
            recording.Now = Math.Max(recording.Now, made);
            recording.Call(CallKind.Accept, backend, server.Id);
            SessionEvent accept = recording.Events[^1];
            accept.TimeNs = unix ? accept.TimeNs : made;
            recording.Events[^1] = accept;
            new Session(recording, backend, 0, server.Id, 0).Ask(10, 10, 1000);
            recording.Call(CallKind.Exit, backend);
        }

        InferenceResult result = Conclude(recording);
        Assert.Equal((proven ? 4L : 0, proven ? 0 : 4L), (result.Services.Single().Evidence.ForkedForIt, result.Services.Single().Evidence.ServedByAcceptor));
        Assert.Equal(proven ? 1 : 0, result.Rules.Gates.Count);
    }

    [Fact]
    public void A_backend_that_is_handed_a_second_tenants_connection_ends_the_proposal()
    {
        Recording recording = Clients();
        var postgres = new Postgres(recording);
        var sessions = new List<Session>();
        for (int i = 0; i < 200; i++) sessions.Add(postgres.Connect(i % 2 == 0 ? 200 : 300, Way.Tcp4, false));
        (SocketDescription other, _) = postgres.Sockets(Way.Tcp4, 300, known: true);
        recording.Describe(other);
        recording.Call(CallKind.Receive, sessions[0].Backend, other.Id, 10); // 200's backend reads 300's connection
        recording.Call(CallKind.Send, sessions[0].Backend, other.Id, 10);
        sessions[0].Ask(10, 10, 10);

        InferenceResult result = Conclude(recording);
        Assert.Empty(result.Rules.Gates);
        Assert.Contains(result.Unknowns, u => u.Reason.Contains("two requesters at the same time", StringComparison.Ordinal));
    }

    [Fact]
    public void Background_work_is_charged_to_nobody_and_listed()
    {
        Recording recording = TwoTenants(Way.Tcp4, recorded: false);
        recording.Call(CallKind.Send, 101, cpuNs: 1); // the checkpointer's first event sets its base
        recording.Call(CallKind.Send, 101, cpuNs: 3_000_000);

        InferenceResult result = Conclude(recording);
        ServiceFinding finding = result.Services.Single();
        Assert.Equal(3, finding.BackgroundProcesses); // postmaster, checkpointer, worker
        Assert.True(finding.BackgroundCpuNs >= 10_000_000, "worker and checkpointer");
        Assert.Contains(result.Unknowns, u => u.Subject == "postgres" && u.Count == 3);
    }

    [Fact]
    public void A_pid_that_is_used_again_is_another_process()
    {
        Recording recording = Clients();
        var postgres = new Postgres(recording);
        for (int i = 0; i < 4; i++)
        {
            (SocketDescription server, _) = postgres.Sockets(Way.Tcp4, i % 2 == 0 ? 200 : 300, known: true);
            recording.Describe(server);
            recording.Call(CallKind.Accept, Postgres.Postmaster, server.Id, 9);
            postgres.Fork(777);
            recording.Call(CallKind.Close, Postgres.Postmaster, server.Id);
            recording.Call(CallKind.Receive, 777, server.Id, 10);
            recording.Call(CallKind.Send, 777, server.Id, 10, cpuNs: 1000);
            if (i > 1) continue; // of the later ones, close and exit are lost
            recording.Call(CallKind.Close, 777, server.Id);
            recording.Call(CallKind.Exit, 777);
        }

        GateEvidence evidence = Assert.Single(Conclude(recording).Rules.Gates).Evidence!;
        Assert.Equal((4L, 4L, 0L), (evidence.Observed, evidence.Agreed, evidence.Contradicted));
    }

    [Fact]
    public void A_cancel_request_is_one_more_connection_of_its_client()
    {
        Recording recording = TwoTenants(Way.Tcp4, recorded: false);
        var postgres = new Postgres(new Recording()); // only for its socket numbers
        (SocketDescription server, _) = postgres.Sockets(Way.Tcp4, 200, known: true);
        server = server with { Id = 9000, Inode = 9001 };
        recording.Describe(server);
        recording.Call(CallKind.Accept, Postgres.Postmaster, server.Id, 9);
        recording.Call(CallKind.Fork, Postgres.Postmaster, child: 9100, childPid: 9100);
        recording.Call(CallKind.Close, Postgres.Postmaster, server.Id);
        recording.Call(CallKind.Receive, 9100, server.Id, 16);
        recording.Call(CallKind.Exit, 9100);

        InferenceResult result = Conclude(recording);
        GateEvidence evidence = Assert.Single(result.Rules.Gates).Evidence!;
        Assert.Equal((28L, 28L, 0L), (evidence.Observed, evidence.Agreed, evidence.Contradicted));
        Assert.Equal(3, result.Services.Single().Evidence.ForkedForIt);
    }

    [Fact]
    public void A_client_nobody_knows_counts_as_unknown_and_a_service_without_known_clients_gets_no_rule()
    {
        Recording recording = Clients();
        var postgres = new Postgres(recording);
        postgres.Connect(4711, Way.Tcp4, clientRecorded: false, clientKnown: false);
        Assert.Empty(Conclude(recording).Rules.Gates);

        postgres.Connect(200, Way.Tcp4, clientRecorded: false);
        InferenceResult result = Conclude(recording);
        GateEvidence evidence = Assert.Single(result.Rules.Gates).Evidence!;
        Assert.Equal((2L, 1L, 0L, 1L), (evidence.Observed, evidence.Agreed, evidence.Contradicted, evidence.Unknown));
        Assert.Contains(result.Services.Single().Notes, n => n.StartsWith("Only shop asked", StringComparison.Ordinal));
    }

    [Fact]
    public void An_address_where_nobody_asked_is_not_covered()
    {
        Recording recording = Clients();
        Postgres postgres = new Postgres(recording).OnUnixSocket();
        postgres.Connect(200, Way.Tcp4, false);
        postgres.Connect(300, Way.Tcp6, false);
        Gate gate = Assert.Single(Conclude(recording).Rules.Gates);
        Assert.Equal("tcp/5432", gate.When.Listen?.ToString());

        postgres.Connect(300, Way.Unix, false);
        gate = Assert.Single(Conclude(recording).Rules.Gates); // now each address was asked: one rule says it all
        Assert.Null(gate.When.Listen);
        Assert.Equal(3, gate.Evidence!.Agreed);
    }

    [Fact]
    public void Lost_events_are_carried_into_the_evidence()
    {
        Recording recording = TwoTenants(Way.Tcp4, recorded: false);
        recording.Lost = 42;
        InferenceResult result = Conclude(recording);
        Assert.Equal(42, Assert.Single(result.Rules.Gates).Evidence!.LostEvents);
        Assert.Contains(result.Unknowns, u => u.Count == 42);
    }

    [Fact]
    public void No_events_give_no_rules()
    {
        Recording recording = Clients();
        _ = new Postgres(recording);
        InferenceResult result = Conclude(recording);
        Assert.Empty(result.Rules.Gates);
        Assert.Equal([VirtualService.BestEffort], result.Rules.VirtualServices.Select(v => v.Name));
        Assert.Contains(result.Unknowns, u => u.Reason.Contains("no rule without data", StringComparison.Ordinal));
    }

    [Fact]
    public void A_backend_that_serves_a_second_connection_divides_the_evidence()
    {
        Recording recording = Clients();
        var postgres = new Postgres(recording);
        Session first = postgres.Connect(200, Way.Tcp4, clientRecorded: false);
        (SocketDescription second, _) = postgres.Sockets(Way.Tcp4, 200, known: true); // of the same tenant: nobody is charged wrongly, yet it is no process per connection
        recording.Describe(second);
        recording.Call(CallKind.Receive, first.Backend, second.Id, 10);
        recording.Call(CallKind.Send, first.Backend, second.Id, 10);

        InferenceResult result = Conclude(recording);
        Assert.Empty(result.Rules.Gates);
        Assert.Equal((ExecutionModel.Unknown, 1L), (result.Services.Single().Model, result.Services.Single().Evidence.Concurrent));
        Assert.Contains(result.Unknowns, u => u.Reason.Contains("the evidence is divided", StringComparison.Ordinal));
    }

    [Fact]
    public void One_counter_example_in_a_hundred_is_shown_and_not_hidden()
    {
        Recording recording = Clients();
        var postgres = new Postgres(recording);
        for (int i = 0; i < 300; i++)
        {
            Session session = postgres.Connect(i % 2 == 0 ? 200 : 300, Way.Tcp4, clientRecorded: false);
            if (i != 0)
            {
                session.Close();
                continue;
            }

            recording.Call(CallKind.Close, session.Backend, session.Server);
            (SocketDescription next, _) = postgres.Sockets(Way.Tcp4, 300, known: true); // after the first was closed: not interleaved
            recording.Describe(next);
            recording.Call(CallKind.Receive, session.Backend, next.Id, 10);
            recording.Call(CallKind.Send, session.Backend, next.Id, 10);
        }

        GateEvidence evidence = Assert.Single(Conclude(recording).Rules.Gates).Evidence!;
        Assert.Equal((301L, 300L, 1L, 0L), (evidence.Observed, evidence.Agreed, evidence.Contradicted, evidence.Unknown));
        EvidenceSample counter = Assert.Single(evidence.CounterExamples);
        Assert.Equal("blog", counter.Requester);
        Assert.EndsWith("before that it worked for shop", counter.What, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_process_used_before_the_session_is_not_charged()
    {
        Recording recording = Clients();
        Session old = new Postgres(recording).Existing(200, Way.Tcp4, clientRecorded: false);
        recording.Call(CallKind.Receive, old.Backend, old.Server, 10, cpuNs: 9_000_000_000);
        recording.Call(CallKind.Send, old.Backend, old.Server, 10, cpuNs: 1_000_000);
        ServiceFinding finding = Conclude(recording).Services.Single();
        Assert.Equal((1_000_000UL, 0UL), (Assert.Single(finding.Cpu).Ns, finding.CpuForNobodyNs));
    }
}
