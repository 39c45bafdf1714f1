using VirtualServices.Infer.Inventory;
using VirtualServices.Infer.Links;
using VirtualServices.Infer.Turns;
using VirtualServices.Model.Sessions;

namespace VirtualServices.Infer.Tests;

/// <summary>Sessions that no host makes: what is kept of them is bounded all the same.</summary>
public sealed class HostileSessionTests
{
    private const int Beyond = 20_000;

    [Fact]
    public void Sockets_that_are_never_closed_are_given_up()
    {
        const int Sockets = EndTable.Most + Beyond;
        var ends = new LargestNumber(walker => walker.Ends.Count);
        SessionWalker walker = ends.Walk(Enumerable.Range(1, Sockets).Select(i => MadeUpSource.Call(CallKind.Accept, i, (ulong)i)));
        Assert.Equal(Beyond, walker.GivenUp);
        Assert.InRange(ends.Most, EndTable.Most, EndTable.Most + LargestNumber.Batch);
    }

    [Fact]
    public void Threads_and_processes_that_never_end_are_given_up()
    {
        const int Threads = ProcessTable.MostThreads + Beyond;
        var alive = new LargestNumber(walker => walker.Processes.Count);
        SessionWalker walker = alive.Walk(Enumerable.Range(1, Threads).Select(i => MadeUpSource.Call(CallKind.Wait, i, pid: i, tid: i)));
        Assert.Equal(Beyond, walker.GivenUp);
        Assert.InRange(alive.Most, ProcessTable.MostThreads, ProcessTable.MostThreads + LargestNumber.Batch);

        walker = new LargestNumber(walker => walker.Processes.Count).Walk(Enumerable.Range(1, Threads).Select(i => MadeUpSource.Call(CallKind.Wait, i, tid: i)));
        Assert.Equal(Beyond, walker.GivenUp);
    }

    [Fact]
    public void What_was_given_up_is_said()
    {
        var engine = new InferenceEngine();
        engine.Add(new MadeUpSource(Enumerable.Range(1, EndTable.Most + 1).Select(i => MadeUpSource.Call(CallKind.Accept, i, (ulong)i))));
        Assert.Contains(engine.Complete().Unknowns, unknown => unknown.Reason.Contains("whose end was never seen", StringComparison.Ordinal) && unknown.Count == 1);
    }

    [Fact]
    public void What_is_used_is_not_given_up()
    {
        var shelf = new Shelf<Thing>(3);
        Thing[] things = [.. Enumerable.Range(0, 4).Select(i => new Thing { UsedAt = i })];
        foreach (Thing thing in things) shelf.Add(thing);
        things[0].UsedAt = 9;
        Assert.Same(things[1], shelf.TooMany());
        shelf.Remove(things[1]);
        Assert.Null(shelf.TooMany());
        shelf.Remove(things[1]);
        Assert.Equal(3, shelf.Count);
        Assert.Equal(1, shelf.GivenUp);
    }

    [Fact]
    public void A_call_of_next_year_does_not_hold_back_all_that_follow()
    {
        const int Window = 64, Calls = 5000;
        const long NextYear = 30_000_000_000_000_000;
        long told = 0, most = 0, made = 0;
        var links = new LinkCollector(_ => told++, null, window: Window);
        links.Run(new MadeUpSource(Make()));
        Assert.Equal(Calls, told);
        Assert.InRange(most, 1, LargestNumber.Batch / 4 + 5 * Window); // a batch is made before it is read

        IEnumerable<SessionEvent> Make()
        {
            for (ulong i = 1; i <= Calls; i++)
            {
                long now = i == 1 ? NextYear : (long)i * 1000;
                yield return MadeUpSource.Call(CallKind.Connect, now, i, result: 0);
                yield return MadeUpSource.Call(CallKind.Send, now + 100, i);
                made++;
                most = Math.Max(most, made - told);
                yield return MadeUpSource.Call(CallKind.Receive, now + 200, i);
                yield return MadeUpSource.Call(CallKind.Close, now + 300, i, result: 0);
            }
        }
    }

    private sealed class Thing : IShelved<Thing>
    {
        public Thing? Older { get; set; }

        public Thing? Newer { get; set; }

        public long UsedAt { get; set; }

        public long ShelvedAt { get; set; }
    }

    /// <summary>The largest number of something while a session is walked over.</summary>
    private sealed class LargestNumber(Func<SessionWalker, int> what) : ActivitySink
    {
        /// <summary>Events that are read before anything is given up.</summary>
        public const int Batch = 4096;

        private SessionWalker? _walker;

        public int Most { get; private set; }

        public SessionWalker Walk(IEnumerable<SessionEvent> events)
        {
            _walker = new SessionWalker(new MadeUpSource(events), this);
            _walker.Run();
            return _walker;
        }

        public override void OnAccepted(ConnectionEnd end, TracedThread thread, in SessionEvent e) => Look();

        public override void OnWaited(TracedThread thread) => Look();

        private void Look() => Most = Math.Max(Most, what(_walker!));
    }
}
