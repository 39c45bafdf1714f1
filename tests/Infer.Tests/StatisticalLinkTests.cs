using System.Globalization;
using System.Text.Json;
using VirtualServices.Infer.Links;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Tests;

/// <summary>A service without thread ids that works on several requests at once; who called for whom is the test's own knowledge.</summary>
public sealed class StatisticalLinkTests
{
    private const long Us = 1000;

    /// <summary>Requests at random times; each asks the first back end, then the second, and then replies.</summary>
    internal static (Recording Recording, Dictionary<string, string> Truth) Simulate(int requests, long apartUs, int seed)
    {
        var recording = new Recording { WithoutThreads = true };
        recording.KnownVirtualServices.AddRange(["t0", "t1", "t2"]);
        foreach ((string name, int pid) in new[] { ("web", 100), ("one", 200), ("two", 300) })
        {
            recording.Serve(name, SelectorKind.Pid, pid.ToString(CultureInfo.InvariantCulture));
            recording.Process(pid, name);
        }

        var random = new Random(seed);
        var steps = new List<(long Time, int Order, Action<long> Do)>();
        var truth = new Dictionary<string, string>();
        ulong id = 1000;
        double now = 0;
        for (int i = 0; i < requests; i++)
        {
            now += Exponential(apartUs);
            int vs = 1 + random.Next(3);
            ulong door = id++;
            Open(now, door, 100, SocketRole.Server, "d");
            Do(now, CallKind.Receive, 100, door, vs);
            double at = now;
            foreach (int back in new[] { 200, 300 })
            {
                at += 100 + Exponential(60);
                ulong mine = id++, theirs = id++;
                string name = "c" + mine.ToString(CultureInfo.InvariantCulture);
                Open(at, mine, 100, SocketRole.Client, name);
                Open(at, theirs, back, SocketRole.Server, name);
                Do(at, CallKind.Send, 100, mine, 0);
                Do(at + 20, CallKind.Receive, back, theirs, 0);
                at += 400 + Exponential(500);
                Do(at - 20, CallKind.Send, back, theirs, 0);
                Do(at, CallKind.Receive, 100, mine, 0);
                truth[name] = "d" + door.ToString(CultureInfo.InvariantCulture);
            }

            at += 50 + Exponential(30);
            Do(at, CallKind.Send, 100, door, 0);
        }

        foreach ((long time, _, Action<long> action) in steps.OrderBy(s => s.Time).ThenBy(s => s.Order)) action(time);
        return (recording, truth);

        double Exponential(double mean) => -mean * Math.Log(1 - random.NextDouble());

        void Open(double at, ulong socket, int pid, SocketRole role, string name)
        {
            string connection = role == SocketRole.Server && pid == 100 ? "d" + socket.ToString(CultureInfo.InvariantCulture) : name;
            var description = new SocketDescription(socket, 0, TransportProtocol.Tcp, role, Endpoint.None, Endpoint.None, 0, 0, 0, connection, pid.ToString(CultureInfo.InvariantCulture));
            steps.Add(((long)(at * Us), steps.Count, Describe));

            void Describe(long time)
            {
                recording.Now = Recording.StartNs + time;
                recording.Describe(description);
            }
        }

        void Do(double at, CallKind call, int pid, ulong socket, int vs)
        {
            var e = new SessionEvent { Call = call, Pid = pid, Socket = socket, Result = 1, Fd = 5, VirtualService = vs };
            steps.Add(((long)(at * Us), steps.Count, time => recording.Events.Add(e with { TimeNs = Recording.StartNs + time })));
        }
    }

    [Fact]
    public void Calls_of_requests_that_overlap_are_given_to_the_right_ones()
    {
        (Recording recording, Dictionary<string, string> truth) = Simulate(2000, apartUs: 700, seed: 1); // two to three requests open at a time
        JsonElement[] links = [.. OutputTests.Lines(OutputTests.Links(recording)).Where(l => l.GetProperty("service").GetString() == "web")];
        Assert.Equal(4000, links.Length);
        int given = 0, right = 0, sure = 0, sureRight = 0;
        foreach (JsonElement link in links)
        {
            if (link.GetProperty("parent").ValueKind == JsonValueKind.Null) continue;
            bool ok = link.GetProperty("parent").GetProperty("conn").GetString() == truth[link.GetProperty("conn").GetString()!];
            given++;
            right += ok ? 1 : 0;
            if (link.GetProperty("confidence").GetDouble() < 0.9) continue;
            sure++;
            sureRight += ok ? 1 : 0;
        }

        Assert.True(right > 0.93 * links.Length, $"{right} of {links.Length} right");
        Assert.True(sure > 0.8 * links.Length && sureRight > 0.98 * sure, $"{sureRight} of {sure} sure ones right");
    }

    [Fact]
    public void A_session_longer_than_a_window_tells_of_each_call_and_request_once()
    {
        const int Requests = LinkCollector.Window / 5 + 1000; // a request makes five: itself, two calls, and what they are at the back ends
        (Recording recording, Dictionary<string, string> truth) = Simulate(Requests, apartUs: 3000, seed: 3);
        JsonElement[] links = [.. OutputTests.Lines(OutputTests.Links(recording)).Where(l => l.GetProperty("service").GetString() == "web")];
        Assert.Equal(truth.Keys.Order(), links.Select(l => l.GetProperty("conn").GetString()!).Order());
        int right = links.Count(l => l.GetProperty("parent") is { ValueKind: JsonValueKind.Object } parent && parent.GetProperty("conn").GetString() == truth[l.GetProperty("conn").GetString()!]);
        Assert.True(right > 0.99 * links.Length, $"{right} of {links.Length} right");
        Assert.Equal(3 * Requests, OutputTests.Lines(OutputTests.Attribution(PostgresTests.Conclude(recording), recording)).Length);
    }

    [Fact]
    public void Few_requests_teach_nothing()
    {
        (Recording recording, _) = Simulate(3, apartUs: 700, seed: 1);
        JsonElement[] links = OutputTests.Lines(OutputTests.Links(recording));
        Assert.Equal(6, links.Length);

        // The calls of the first request were proven: until then the process had served one connection.
        Assert.All(links.Skip(2), link => Assert.Equal(JsonValueKind.Null, link.GetProperty("parent").ValueKind));
    }

    [Fact]
    public void Virtual_services_are_carried_over_estimated_links()
    {
        (Recording recording, _) = Simulate(2000, apartUs: 3000, seed: 2);
        JsonElement[] lines = OutputTests.Lines(OutputTests.Attribution(PostgresTests.Conclude(recording), recording));
        Assert.Equal(6000, lines.Length);
        Assert.True(lines.Count(l => l.GetProperty("vs").GetString() is "t0" or "t1" or "t2") > 5900);
    }

    [Fact]
    public void The_same_session_gives_the_same_bytes()
    {
        (Recording recording, _) = Simulate(1000, apartUs: 500, seed: 3);
        Assert.Equal(OutputTests.Links(recording), OutputTests.Links(recording));
    }
}
