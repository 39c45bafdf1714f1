using System.Globalization;
using CsCheck;
using VirtualServices.Infer.Links;
using VirtualServices.Model;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Tests;

public sealed class LinkCollectorTests
{
    private const int Web = 100;

    private static Recording OfWeb()
    {
        var recording = new Recording();
        recording.Serve("web", SelectorKind.Pid, Web.ToString(CultureInfo.InvariantCulture));
        recording.Process(Web, "web");
        return recording;
    }

    private static ulong Open(Recording recording, SocketRole role, string name)
    {
        ulong socket = recording.NextCookie();
        recording.Describe(new SocketDescription(socket, 0, TransportProtocol.Tcp, role, Recording.Tcp("10.0.0.1", 80), Recording.Tcp("10.0.0.2", 90), 0, 0, 0, name, "h"));
        return socket;
    }

    /// <summary>What is told of a call, copied when it is told.</summary>
    private sealed record Told(string Connection, long TimeNs, string? Parent, bool Proven, bool KeepsWhatFoundIt, double Confidence)
    {
        public static Told Of(CallNode call) => new(
            call.End.Connection, call.TimeNs, call.Parent?.End.Connection, call.Proven, call.Prover is not null || call.Prompt.IsKnown, call.Confidence);
    }

    private static (List<Told> Calls, LinkCollector Collector) Collect(Recording recording, int window = LinkCollector.Window, bool useProofs = true)
    {
        List<Told> calls = [];
        var collector = new LinkCollector(call => calls.Add(Told.Of(call)), null, useProofs: useProofs, window: window);
        using IEventSource source = recording.Open();
        collector.Run(source);
        return (calls, collector);
    }

    /// <summary>One thread receives, workers call, and the receiving thread replies for them. Two requests are open at a time, and either worker may be faster: only who woke whom tells whose a call is.</summary>
    private static (Recording Recording, Dictionary<string, string> Truth) HandedOver(int pairs, bool wakes)
    {
        Recording recording = OfWeb();
        Dictionary<string, string> truth = [];
        var random = new Random(1);
        const int Receiver = 101;
        for (int worker = 102; worker < 104; worker++) recording.Call(CallKind.Close, Web, tid: worker); // they are known
        for (int i = 0; i < pairs; i++)
        {
            ulong[] doors = [Open(recording, SocketRole.Server, $"d{i}a"), Open(recording, SocketRole.Server, $"d{i}b")];
            ulong[] backs = [Open(recording, SocketRole.Client, $"c{i}a"), Open(recording, SocketRole.Client, $"c{i}b")];
            for (int k = 0; k < 2; k++)
            {
                recording.Call(CallKind.Receive, Web, doors[k], 10, Receiver);
                if (wakes) recording.Call(CallKind.Wake, Web, tid: Receiver, child: 102 + k);
                truth[$"c{i}{"ab"[k]}"] = $"d{i}{"ab"[k]}";
            }

            int first = random.Next(2);
            foreach (int k in new[] { first, 1 - first }) recording.Call(CallKind.Send, Web, backs[k], 10, 102 + k);
            int faster = random.Next(2), sooner = random.Next(2);
            foreach (int k in new[] { faster, 1 - faster }) recording.Call(CallKind.Receive, Web, backs[k], 10, 102 + k);
            foreach (int k in new[] { sooner, 1 - sooner })
            {
                if (wakes) recording.Call(CallKind.Wake, Web, tid: 102 + k, child: Receiver);
                recording.Call(CallKind.Send, Web, doors[k], 10, Receiver);
            }

            foreach (ulong socket in doors.Concat(backs)) recording.Call(CallKind.Close, Web, socket);
        }

        return (recording, truth);
    }

    [Fact]
    public void Work_that_is_handed_over_is_followed_by_who_woke_whom()
    {
        double with = Right(wakes: true), without = Right(wakes: false);
        Assert.True(with > 0.98, $"{with} right");
        Assert.True(without < 0.8, $"{without} right where nobody tells of wakes");

        static double Right(bool wakes)
        {
            (Recording recording, Dictionary<string, string> truth) = HandedOver(200, wakes);
            (List<Told> calls, _) = Collect(recording);
            Assert.Equal(truth.Count, calls.Count);
            return calls.Count(call => call.Parent == truth[call.Connection]) / (double)calls.Count;
        }
    }

    [Theory]
    [InlineData(LinkCollector.Window)] // both in one window
    [InlineData(16)] // the last calls were proven in a window before
    public void A_thread_that_is_later_seen_on_two_requests_proves_nothing_that_is_not_final(int window)
    {
        Recording recording = OfWeb();
        const int Thread = 101;
        ulong one = Open(recording, SocketRole.Server, "one"), two = Open(recording, SocketRole.Server, "two"), back = Open(recording, SocketRole.Client, "back");
        for (int i = 0; i < 8; i++)
        {
            recording.Call(CallKind.Receive, Web, one, 10, Thread);
            recording.Call(CallKind.Send, Web, back, 10, Thread);
            recording.Call(CallKind.Receive, Web, back, 10, Thread);
            recording.Call(CallKind.Send, Web, one, 10, Thread);
        }

        (List<Told> before, _) = Collect(recording, window);
        Assert.All(before, call => Assert.True(call.Proven));
        recording.Call(CallKind.Receive, Web, one, 10, Thread);
        recording.Call(CallKind.Receive, Web, two, 10, Thread);
        (List<Told> calls, _) = Collect(recording, window);
        Assert.Equal(8, calls.Count);
        Assert.False(calls[^1].Proven);
        Assert.Equal("one", calls[^1].Parent); // it is still the likeliest
        Assert.Equal(window == 16 ? 5 : 0, calls.Count(call => call.Proven));
    }

    [Fact]
    public void Calls_that_are_told_keep_nothing_that_only_served_to_find_their_links()
    {
        Recording recording = OfWeb();
        for (int i = 0; i < 100; i++)
        {
            int pid = i % 2 == 0 ? Web : 999; // of the latter nothing is known
            ulong door = Open(recording, SocketRole.Server, "d"), back = Open(recording, SocketRole.Client, "c");
            recording.Call(CallKind.Receive, pid, door, 10);
            recording.Call(CallKind.Send, pid, back, 10);
            recording.Call(CallKind.Receive, pid, back, 10);
            recording.Call(CallKind.Send, pid, door, 10);
            recording.Call(CallKind.Close, pid, door);
            recording.Call(CallKind.Close, pid, back);
        }

        (List<Told> calls, _) = Collect(recording, window: 32);
        Assert.Equal(100, calls.Count);
        Assert.DoesNotContain(calls, call => call.KeepsWhatFoundIt);
    }

    [Fact]
    public void Requests_that_are_never_answered_do_not_have_all_worked_out_for_each_event()
    {
        Recording recording = OfWeb();
        for (int i = 0; i < 5000; i++)
        {
            ulong door = Open(recording, SocketRole.Server, "d");
            recording.Call(CallKind.Receive, Web, door, 10, 101);
            recording.Call(CallKind.Send, Web, Open(recording, SocketRole.Client, "c"), 10, 101);
        }

        (List<Told> calls, LinkCollector collector) = Collect(recording, window: 64);
        Assert.Equal(5000, calls.Count);
        Assert.InRange(collector.Flushes, 2, 400); // by the window, 10,000 / 64 at most twice over; for each event, thousands
    }

    [Fact]
    public void Windows_of_any_length_tell_of_each_call_once_and_in_order() => Gen.Int[64, 3000].Sample(
        window =>
        {
            (Recording recording, Dictionary<string, string> truth) = StatisticalLinkTests.Simulate(300, apartUs: 2000, seed: 5);
            (List<Told> calls, LinkCollector collector) = Collect(recording, window);
            Assert.True(collector.Flushes >= 1500 / window);
            List<Told> web = [.. calls.Where(call => truth.ContainsKey(call.Connection))];
            Assert.Equal(truth.Count, web.Select(call => call.Connection).Distinct().Count());
            Assert.Equal(truth.Count, web.Count);
            Assert.True(web.Zip(web.Skip(1)).All(two => two.First.TimeNs <= two.Second.TimeNs));
        },
        iter: 20);

    [Fact]
    public void What_was_learnt_in_a_window_serves_the_next()
    {
        (Recording recording, Dictionary<string, string> truth) = StatisticalLinkTests.Simulate(3000, apartUs: 700, seed: 6);
        double one = Right(LinkCollector.Window), many = Right(150);
        Assert.True(one > 0.93 && many > one - 0.02, $"{one} right in one window, {many} in many");

        double Right(int window)
        {
            (List<Told> calls, LinkCollector collector) = Collect(recording, window);
            Assert.Equal(window == 150, collector.Flushes > 10);
            return calls.Count(call => truth.TryGetValue(call.Connection, out string? parent) && call.Parent == parent) / (double)truth.Count;
        }
    }

    [Theory]
    [InlineData(4, false)]
    [InlineData(5, true)]
    public void Fewer_than_five_requests_teach_nothing_about_a_service(int requests, bool judged)
    {
        Recording recording = OfWeb();
        recording.WithoutThreads = true;
        for (int i = 0; i < requests; i++)
        {
            ulong door = Open(recording, SocketRole.Server, "d" + i), back = Open(recording, SocketRole.Client, "c" + i);
            recording.Call(CallKind.Receive, Web, door, 10);
            recording.Call(CallKind.Send, Web, back, 10);
            recording.Call(CallKind.Receive, Web, back, 10);
            recording.Call(CallKind.Send, Web, door, 10);
        }

        (List<Told> calls, _) = Collect(recording, useProofs: false);
        Assert.All(calls, call => Assert.Equal(judged, call.Confidence > 0));
    }
}
