using VirtualServices.Model;
using VirtualServices.Model.Sessions;
using static VirtualServices.Infer.Tests.PostgresTests;

namespace VirtualServices.Infer.Tests;

/// <summary>A server that serves one connection after the other, such as a single php-cgi, asked by the front ends of two tenants over a new connection for each request.</summary>
public sealed class OneAtATimeTests
{
    private const int Shop = 200, Blog = 300, Cgi = 100, Other = 101;

    [Fact]
    public void Requests_of_a_server_that_serves_one_connection_after_another_are_bound()
    {
        InferenceResult result = Conclude(SharedCgi(TransportProtocol.Tcp));
        Gate gate = Assert.Single(result.Rules.Gates);
        Assert.Equal(("cgi", GateCall.Receive, BindScope.Request, "tcp/9000", "pre-fork"), (gate.Service, gate.On, gate.Binds, gate.When.Listen?.ToString(), gate.Evidence!.Pattern));
        Assert.Equal((6L, 6L, 0L, 0L), (gate.Evidence.Observed, gate.Evidence.Agreed, gate.Evidence.Contradicted, gate.Evidence.Unknown));
        Assert.Empty(gate.Evidence.CounterExamples);
        Assert.Contains(result.Services.Single(service => service.Name == "cgi").Notes, note => note.Contains("held at the front doors", StringComparison.Ordinal));
    }

    [Fact]
    public void Front_ends_that_nobody_asks_over_tcp_could_not_be_held()
    {
        InferenceResult result = Conclude(SharedCgi(TransportProtocol.Unix));
        Assert.Empty(result.Rules.Gates);
        Assert.Contains(result.Unknowns, unknown => unknown is { Subject: "cgi", Count: 6 } && unknown.Reason.Contains("none of those that ask it was seen to accept connections over TCP", StringComparison.Ordinal));
    }

    [Fact]
    public void Front_doors_are_held_for_the_service_that_works_most()
    {
        Recording recording = Doors(TransportProtocol.Tcp);
        Serve(recording, "busy", Cgi, 9000);
        Serve(recording, "easy", Other, 9001);
        for (int i = 0; i < 6; i++)
        {
            Request(recording, i % 2 == 0 ? Shop : Blog, Cgi, 9000, TransportProtocol.Tcp, cpuNs: 2_000_000);
            Request(recording, i % 2 == 0 ? Shop : Blog, Other, 9001, TransportProtocol.Tcp, cpuNs: 1_000_000);
        }

        InferenceResult result = Conclude(recording);
        Assert.Equal("busy", Assert.Single(result.Rules.Gates).Service);
        Assert.Contains(result.Unknowns, unknown => unknown.Subject == "easy" && unknown.Reason.Contains("for one service only, and busy works more", StringComparison.Ordinal));
    }

    [Fact]
    public void A_worker_that_has_two_requesters_open_at_once_gets_no_gate()
    {
        Recording recording = SharedCgi(TransportProtocol.Tcp);
        recording.WithoutThreads = true; // else it would be an event loop
        ulong one = Ask(recording, Shop, Cgi, 9000), two = Ask(recording, Blog, Cgi, 9000);
        recording.Call(CallKind.Send, Cgi, one, 10);
        recording.Call(CallKind.Send, Cgi, two, 10);

        InferenceResult result = Conclude(recording);
        Assert.Empty(result.Rules.Gates);
        Assert.Contains(result.Unknowns, unknown => unknown.Reason.Contains("two requesters at the same time", StringComparison.Ordinal));
    }

    [Fact]
    public void The_report_says_that_the_request_is_charged()
    {
        string report = OutputTests.Report(Conclude(SharedCgi(TransportProtocol.Tcp)));
        Assert.Contains("work on this one request is charged to the virtual service that sent it", report, StringComparison.Ordinal);
        Assert.Contains("of 6 connections, 6 were served by the process that accepted them; 1 process served several, never two open at once", report, StringComparison.Ordinal);
        Assert.DoesNotContain("the process is charged", report, StringComparison.Ordinal);
        Assert.DoesNotContain("works for this requester only", report, StringComparison.Ordinal);

        string ofProcesses = OutputTests.Report(Conclude(TwoTenants(Way.Tcp4, recorded: true)));
        Assert.Contains("the process is charged to the virtual service that sent it", ofProcesses, StringComparison.Ordinal);
        Assert.DoesNotContain("this one request", ofProcesses, StringComparison.Ordinal);
    }

    /// <summary>Both tenants ask it in turn, six times.</summary>
    private static Recording SharedCgi(TransportProtocol doors)
    {
        Recording recording = Doors(doors);
        Serve(recording, "cgi", Cgi, 9000);
        for (int i = 0; i < 6; i++) Request(recording, i % 2 == 0 ? Shop : Blog, Cgi, 9000, doors);
        return recording;
    }

    private static Recording Doors(TransportProtocol protocol)
    {
        var recording = new Recording();
        foreach ((string name, int pid) in new[] { ("shop", Shop), ("blog", Blog) })
        {
            recording.Serve(name, SelectorKind.Unit, $"{name}.service").Process(pid, name, unit: $"{name}.service", cgroup: $"/system.slice/{name}.service");
            recording.Listening(new SocketDescription((ulong)pid, (ulong)pid, protocol, SocketRole.Listener, Door(protocol, pid), Endpoint.None, 0, 0, 1), pid);
        }

        return recording;
    }

    private static Endpoint Door(TransportProtocol protocol, int pid) => protocol == TransportProtocol.Tcp ? Recording.Tcp("10.0.0.1", 8000 + pid) : new Endpoint(null, 0, $"/run/{pid}.sock");

    private static void Serve(Recording recording, string name, int pid, int port)
    {
        recording.Serve(name, SelectorKind.Listen, $"tcp/{port}").Process(pid, name, exe: "/usr/bin/php-cgi", unit: $"{name}.service", cgroup: $"/system.slice/{name}.service", uid: 33);
        recording.Listening(new SocketDescription((ulong)port, (ulong)port, TransportProtocol.Tcp, SocketRole.Listener, Recording.Tcp("127.0.0.1", port), Endpoint.None, 0, 0, 1), pid);
    }

    /// <summary>A request of a user, from door to server and back.</summary>
    private static void Request(Recording recording, int door, int server, int port, TransportProtocol protocol, ulong cpuNs = 1_000_000)
    {
        ulong user = recording.NextCookie();
        Endpoint from = protocol == TransportProtocol.Tcp ? Recording.Tcp("10.9.9.9", (int)user + 1000) : Endpoint.None;
        recording.Describe(new SocketDescription(user, recording.NextInode(), protocol, SocketRole.Server, Door(protocol, door), from, 0, 0, 1));
        recording.Call(CallKind.Accept, door, user, 7);
        recording.Call(CallKind.Receive, door, user, 30);
        ulong served = Ask(recording, door, server, port);
        recording.Call(CallKind.Send, server, served, 500, cpuNs: cpuNs);
        recording.Call(CallKind.Close, server, served);
        recording.Call(CallKind.Receive, door, served - 1, 500);
        recording.Call(CallKind.Close, door, served - 1);
        recording.Call(CallKind.Send, door, user, 600);
        recording.Call(CallKind.Close, door, user);
    }

    /// <summary>Connects, asks, and has it received.</summary>
    /// <returns>The server's end; the door's has the number before.</returns>
    private static ulong Ask(Recording recording, int door, int server, int port)
    {
        ulong mine = recording.NextCookie(), theirs = recording.NextCookie();
        Endpoint here = Recording.Tcp("127.0.0.1", port), there = Recording.Tcp("127.0.0.1", 40_000 + (int)mine);
        recording.Describe(new SocketDescription(mine, recording.NextInode(), TransportProtocol.Tcp, SocketRole.Client, there, here, 0, 0, 1));
        recording.Call(CallKind.Connect, door, mine);
        recording.Call(CallKind.Send, door, mine, 40);
        recording.Describe(new SocketDescription(theirs, recording.NextInode(), TransportProtocol.Tcp, SocketRole.Server, here, there, 0, door, 1));
        recording.Call(CallKind.Accept, server, theirs, 7);
        recording.Call(CallKind.Receive, server, theirs, 40);
        return theirs;
    }
}
