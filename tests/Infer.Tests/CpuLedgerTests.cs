using VirtualServices.Model;
using VirtualServices.Model.Sessions;
using static VirtualServices.Infer.Tests.PostgresTests;

namespace VirtualServices.Infer.Tests;

/// <summary>CPU time goes to the requests that it was spent for, and with them to their tenants.</summary>
public sealed class CpuLedgerTests
{
    private const int Shop = 50, Blog = 51, Pool = 100, Php = 200, Database = 300;
    private const ulong Ms = 1_000_000;

    private readonly Recording _recording = new();
    private int _port = 20_000;

    public CpuLedgerTests()
    {
        foreach ((int pid, string name) in ((int, string)[])[(Shop, "shop"), (Blog, "blog"), (Pool, "pool"), (Php, "php"), (Database, "db")])
        {
            _recording.Serve(name, SelectorKind.Unit, name + ".service");
            for (int i = 0; i < 2; i++) _recording.Process(pid + (10 * i), name, unit: name + ".service");
        }
    }

    /// <summary>A connection both of whose ends are recorded.</summary>
    private (ulong Client, ulong Server) Connect(int serverPort)
    {
        ulong client = _recording.NextCookie(), server = _recording.NextCookie();
        Endpoint from = Recording.Tcp("10.0.0.1", _port++), to = Recording.Tcp("10.0.0.2", serverPort);
        _recording.Describe(new SocketDescription(client, 0, TransportProtocol.Tcp, SocketRole.Client, from, to, 0, 0, 0, "", "h"));
        _recording.Describe(new SocketDescription(server, 0, TransportProtocol.Tcp, SocketRole.Server, to, from, 0, 0, 0, "", "h"));
        return (client, server);
    }

    private void Send(int pid, ulong socket, ulong cpuNs = 0) => _recording.Call(CallKind.Send, pid, socket, 10, cpuNs: cpuNs);

    private void Receive(int pid, ulong socket, ulong cpuNs = 0) => _recording.Call(CallKind.Receive, pid, socket, 10, cpuNs: cpuNs);

    /// <summary>CPU time of the service in µs: of shop, of blog, of nobody.</summary>
    private (ulong Shop, ulong Blog, ulong Nobody) Of(string service)
    {
        ServiceFinding finding = Conclude(_recording).Services.Single(one => one.Name == service);
        ulong Part(string name) => (finding.Cpu.FirstOrDefault(part => part.VirtualService == name)?.Ns ?? 0) / 1000;
        return (Part("shop"), Part("blog"), finding.CpuForNobodyNs / 1000);
    }

    private void Start(params int[] pids)
    {
        foreach (int pid in pids) _recording.Call(CallKind.Close, pid, cpuNs: Ms); // from here on, what they use is known
    }

    [Fact]
    public void What_another_process_spends_on_a_request_is_nobodys()
    {
        (ulong client, ulong server) = Connect(6432);
        Send(Pool, server, 1); // the first to use it, which receives nothing
        Send(Shop, client);
        Receive(Pool + 10, server);
        Send(Pool, server, 5 * Ms);
        ServiceFinding pool = Conclude(_recording).Services.Single(service => service.Name == "pool");
        Assert.Empty(pool.Cpu);
        Assert.Equal((5 * Ms, 5 * Ms), (pool.BackgroundCpuNs, pool.CpuForNobodyNs));
    }

    [Fact]
    public void Time_behind_a_service_that_mixes_its_requesters_is_followed_over_two_hops()
    {
        const int Rounds = 40;
        (ulong Client, ulong Server) shop = Connect(80), blog = Connect(80);
        (ulong Client, ulong Server)[] pooled = [Connect(90), Connect(90)], queries = [Connect(54), Connect(54)];
        Start(Pool, Php, Php + 10, Database, Database + 10);
        for (int i = 0; i < Rounds; i++)
        {
            Send(Shop, shop.Client);
            Send(Blog, blog.Client);
            int ofShop = i / 3 % 2; // tenants take turns on the pool's connections
            Receive(Pool, shop.Server);
            Send(Pool, pooled[ofShop].Client, Ms);
            Receive(Pool, blog.Server);
            Send(Pool, pooled[1 - ofShop].Client, Ms);
            for (int worker = 0; worker < 2; worker++)
            {
                ulong cost = worker == ofShop ? 3 * Ms : 2 * Ms;
                Receive(Php + (10 * worker), pooled[worker].Server);
                Send(Php + (10 * worker), queries[worker].Client, cost);
                Receive(Database + (10 * worker), queries[worker].Server);
                Send(Database + (10 * worker), queries[worker].Server, cost / 2);
                Receive(Php + (10 * worker), queries[worker].Client);
                Send(Php + (10 * worker), pooled[worker].Server, cost);
            }

            foreach ((int worker, ulong door) in new[] { (1 - ofShop, blog.Server), (ofShop, shop.Server) })
            {
                Receive(Pool, pooled[worker].Client);
                Send(Pool, door, Ms / 2);
            }

            Receive(Shop, shop.Client);
            Receive(Blog, blog.Client);
        }

        Assert.Equal((Rounds * 1500UL, Rounds * 1500UL, 0UL), Of("pool"));
        Assert.Equal((Rounds * 6000UL, Rounds * 4000UL, 0UL), Of("php"));
        Assert.Equal((Rounds * 1500UL, Rounds * 1000UL, 0UL), Of("db"));
    }

    [Fact]
    public void A_pooled_connection_works_for_whoever_asks_at_the_time()
    {
        (ulong Client, ulong Server) shop = Connect(80), blog = Connect(80), pooled = Connect(54);
        Start(Pool, Database);
        for (int i = 0; i < 10; i++)
        {
            bool first = i % 3 == 0;
            (ulong Client, ulong Server) door = first ? shop : blog;
            Send(first ? Shop : Blog, door.Client);
            Receive(Pool, door.Server);
            Send(Pool, pooled.Client, Ms);
            Receive(Database, pooled.Server);
            Send(Database, pooled.Server, first ? 5 * Ms : Ms);
            Receive(Pool, pooled.Client);
            Send(Pool, door.Server);
        }

        Assert.Equal((20_000UL, 6_000UL, 0UL), Of("db"));
        Assert.Equal((4_000UL, 6_000UL, 0UL), Of("pool"));
    }

    [Fact]
    public void Idle_time_between_requests_is_nobodys()
    {
        (ulong Client, ulong Server) shop = Connect(54);
        (ulong statistics, _) = Connect(9);
        Start(Database);
        _recording.Call(CallKind.Close, Database, cpuNs: 30 * Ms); // start-up
        for (int i = 0; i < 2; i++)
        {
            Send(Shop, shop.Client);
            Receive(Database, shop.Server);
            _recording.Call(CallKind.Close, Database, cpuNs: Ms);
            Send(Database, shop.Server, Ms);
            _recording.Call(CallKind.Close, Database, cpuNs: Ms / 4); // the end of the request's work
            _recording.Call(CallKind.Wait, Database, cpuNs: Ms / 4);
            _recording.Call(CallKind.Close, Database, cpuNs: 7 * Ms);
            _recording.Call(CallKind.Wait, Database);
            Send(Database, statistics, 3 * Ms);
        }

        Assert.Equal((5_000UL, 0UL, 50_000UL), Of("db"));
    }

    [Fact]
    public void After_a_wait_a_thread_works_for_what_it_turns_to()
    {
        (ulong Client, ulong Server) shop = Connect(54), blog = Connect(54);
        Start(Database);
        for (int i = 0; i < 10; i++)
        {
            Send(Shop, shop.Client);
            Receive(Database, shop.Server);
            Send(Blog, blog.Client);
            _recording.Call(CallKind.Wait, Database, cpuNs: Ms);
            _recording.Call(CallKind.Close, Database, cpuNs: Ms); // it has not answered: this is still for it
            Receive(Database, blog.Server, 2 * Ms);
            Send(Database, blog.Server, 4 * Ms);
            _recording.Call(CallKind.Wait, Database);
            _recording.Call(CallKind.Close, Database, cpuNs: 8 * Ms);
            Send(Database, shop.Server, 16 * Ms);
        }

        Assert.Equal((180_000UL, 60_000UL, 80_000UL), Of("db"));
    }

    [Fact]
    public void A_process_that_is_forked_for_a_connection_starts_for_its_first_request()
    {
        const int Backend = 400;
        Start(Database);
        for (int i = 0; i < 3; i++)
        {
            (ulong Client, ulong Server) shop = Connect(54);
            Send(Shop, shop.Client);
            _recording.Call(CallKind.Accept, Database, shop.Server);
            _recording.Call(CallKind.Fork, Database, child: Backend + i, childPid: Backend + i);
            _recording.Call(CallKind.Close, Database, shop.Server);
            _recording.Call(CallKind.Close, Backend + i, cpuNs: 2 * Ms);
            _recording.Call(CallKind.Wait, Backend + i, cpuNs: Ms); // for the first bytes
            Receive(Backend + i, shop.Server, Ms);
            Send(Backend + i, shop.Server, 4 * Ms);
            _recording.Call(CallKind.Exit, Backend + i, cpuNs: Ms);
        }

        Assert.Equal((27_000UL, 0UL, 0UL), Of("db"));
    }

    [Fact]
    public void So_does_one_that_is_only_seen_to_accept_it()
    {
        const int Backend = 400;
        _recording.Call(CallKind.Listen, Database, _recording.NextCookie());
        Start(Database);
        for (int i = 0; i < 3; i++)
        {
            (ulong Client, ulong Server) shop = Connect(54);
            Send(Shop, shop.Client);
            long came = _recording.Now;
            _recording.Call(CallKind.Fork, Database, child: Backend + i, childPid: Backend + i);
            _recording.Call(CallKind.Close, Backend + i, cpuNs: 2 * Ms);
            _recording.Call(CallKind.Accept, Backend + i, shop.Server);
            _recording.Events[^1] = _recording.Events[^1] with { TimeNs = came };
            Receive(Backend + i, shop.Server, Ms);
            Send(Backend + i, shop.Server, 4 * Ms);
            _recording.Call(CallKind.Exit, Backend + i, cpuNs: Ms);
        }

        Assert.Equal((24_000UL, 0UL, 0UL), Of("db"));
    }

    [Fact]
    public void What_was_left_unread_until_the_answer_is_the_rest_of_the_request()
    {
        (ulong Client, ulong Server) shop = Connect(80), blog = Connect(80);
        Start(Pool, Database);
        for (int i = 0; i < 10; i++)
        {
            bool first = i % 2 == 0;
            (ulong Client, ulong Server) door = first ? shop : blog, query = Connect(54);
            Send(first ? Shop : Blog, door.Client);
            Receive(Pool, door.Server);
            Send(Pool, query.Client);
            Receive(Database, query.Server);
            Send(Database, query.Server, Ms);
            Receive(Database, query.Server, Ms);
            _recording.Call(CallKind.Close, Database, query.Server, cpuNs: first ? 5 * Ms : Ms);
            _recording.Call(CallKind.Wait, Database);
            Receive(Pool, query.Client);
            _recording.Call(CallKind.Close, Pool, query.Client);
            Send(Pool, door.Server);
            Receive(first ? Shop : Blog, door.Client);
        }

        Assert.Equal((35_000UL, 15_000UL, 0UL), Of("db"));
    }

    [Fact]
    public void A_connection_that_is_accepted_is_accepted_for_its_request()
    {
        Start(Database);
        for (int i = 0; i < 2; i++)
        {
            (ulong Client, ulong Server) shop = Connect(54);
            Send(Shop, shop.Client);
            _recording.Call(CallKind.Accept, Database, shop.Server, cpuNs: 4 * Ms);
            Receive(Database, shop.Server, Ms);
            Send(Database, shop.Server, Ms);
            _recording.Call(CallKind.Close, Database, shop.Server);
        }

        Assert.Equal((8_000UL, 0UL, 4_000UL), Of("db")); // the second wait follows an answer
    }

    [Fact]
    public void An_event_loop_that_answers_one_after_it_received_another_is_not_guessed()
    {
        (ulong Client, ulong Server) shop = Connect(54), blog = Connect(54);
        Start(Database);
        for (int i = 0; i < 10; i++)
        {
            AnswerOneAfterTheOther(shop, blog);
        }

        Assert.Equal((10_000UL, 20_000UL, 40_000UL), Of("db"));
    }

    [Fact]
    public void What_a_thread_that_only_polls_did_is_for_what_the_thread_that_it_woke_turns_to()
    {
        const int Poller = 7, Worker = 8, Other = 9;
        (ulong Client, ulong Server) shop = Connect(54), blog = Connect(54);
        foreach (int tid in (int[])[Poller, Worker, Other]) _recording.Call(CallKind.Close, Database, tid: tid, cpuNs: Ms);
        for (int i = 0; i < 10; i++)
        {
            bool first = i % 2 == 0;
            (ulong Client, ulong Server) door = first ? shop : blog;
            Send(first ? Shop : Blog, door.Client);
            _recording.Call(CallKind.Wait, Database, tid: Poller);
            _recording.Call(CallKind.Wake, Database, tid: Poller, child: Worker);
            _recording.Call(CallKind.Receive, Database, door.Server, 10, tid: Worker, cpuNs: 16 * Ms);
            _recording.Call(CallKind.Send, Database, door.Server, 10, tid: Worker, cpuNs: 32 * Ms);
            _recording.Call(CallKind.Wait, Database, tid: Poller, cpuNs: first ? 4 * Ms : Ms);
            _recording.Call(CallKind.Wait, Database, tid: Poller, cpuNs: 2 * Ms); // it woke nobody, so it is not known for whom this was
            foreach (int woken in (int[])[Worker, Other]) _recording.Call(CallKind.Wake, Database, tid: Poller, child: woken);
            _recording.Call(CallKind.Receive, Database, door.Server, 10, tid: Other);
            _recording.Call(CallKind.Wait, Database, tid: Poller, cpuNs: 6 * Ms); // for either of two
        }

        Assert.Equal((260_000UL, 245_000UL, 80_000UL), Of("db"));
        Unknown apart = Assert.Single(Conclude(_recording).Unknowns, unknown => unknown.Subject == "db" && unknown.Reason.Contains("touch no connection", StringComparison.Ordinal));
        Assert.Equal(80 * Ms, apart.CpuNs);
    }

    [Fact]
    public void What_is_unknown_says_why_time_is_nobodys()
    {
        (ulong Client, ulong Server) shop = Connect(54), blog = Connect(54);
        Start(Database);
        for (int i = 0; i < 10; i++)
        {
            AnswerOneAfterTheOther(shop, blog);
            _recording.Call(CallKind.Wait, Database);
            _recording.Call(CallKind.Close, Database, cpuNs: 8 * Ms);
            _recording.Call(CallKind.Wait, Database);
        }

        InferenceResult result = Conclude(_recording);
        ulong Of(string why) => result.Unknowns.Single(unknown => unknown.Subject == "db" && unknown.Reason.Contains(why, StringComparison.Ordinal)).CpuNs;
        Assert.Equal((40 * Ms, 80 * Ms), (Of("just after they received another"), Of("between requests")));
    }

    /// <summary>The database receives two requests and answers the first of them: that was for one or the other.</summary>
    private void AnswerOneAfterTheOther((ulong Client, ulong Server) shop, (ulong Client, ulong Server) blog)
    {
        Send(Shop, shop.Client);
        Send(Blog, blog.Client);
        Receive(Database, shop.Server);
        Receive(Database, blog.Server, Ms);
        Send(Database, shop.Server, 4 * Ms);
        Send(Database, blog.Server, 2 * Ms);
    }
}
