using VirtualServices.Infer.Links;

namespace VirtualServices.Infer.Tests;

/// <summary>A request that stays open makes calls as long as it likes.</summary>
public sealed class HugeRequestTests
{
    /// <summary>Two requests stay open; one makes nearly all calls, each prompted by the answer to the one before.</summary>
    private static (ServiceModel Model, ProcessWindow Window) Solve(int calls)
    {
        RequestNode huge = LinkNodes.Request(1000), other = LinkNodes.Request(1500);
        List<CallNode> all = [];
        for (int i = 0; i < calls; i++)
        {
            long at = 10_000 + 1000L * i;
            all.Add(LinkNodes.Call(at, at + 400, all.Count == 0 ? new Prompt(huge, null) : new Prompt(null, all[^1]), callee: i % 3));
        }

        ProcessWindow window = LinkNodes.Window([huge, other], all);
        var model = new ServiceModel();
        var solver = new WindowSolver(model, [window]);
        solver.Solve();
        new LinkJudge(BoostedTrees.Untrained(), model, 0, solver.LogNobody).Judge(window);
        return (model, window);
    }

    [Fact]
    public void The_work_grows_with_its_calls_and_not_with_their_square()
    {
        double one = Solve(2000).Model.Scored, four = Solve(8000).Model.Scored;
        Assert.True(four < 6 * one, $"{one} calls were scored for 2,000 calls, {four} for 8,000");
    }

    [Fact]
    public void What_prompts_a_call_is_found_by_its_time_however_long_ago_it_was()
    {
        RequestNode request = LinkNodes.Request(0);
        CallNode[] calls = [.. Enumerable.Range(2, 40_000).Select(i => LinkNodes.Call(i / 2))]; // two of each time
        CallNode[] others = [.. calls.Select(call => LinkNodes.Call(call.TimeNs))];
        for (int i = 0; i < calls.Length; i++) Assert.Equal((true, false), (new Prompt(null, calls[i]).IsOf(request, calls), new Prompt(null, others[i]).IsOf(request, calls)));
        Assert.False(new Prompt(null, calls[100]).IsOf(request, calls.AsSpan(0, 100)));

        double few = Seconds(2_500), many = Seconds(40_000);
        Assert.True(many < 100 * few, $"{few} s to ask 2,500 calls for each of them, {many} s for 40,000"); // one by one, 256 times as long

        double Seconds(int count)
        {
            double least = double.MaxValue;
            for (int round = 0; round < 5; round++)
            {
                long start = System.Diagnostics.Stopwatch.GetTimestamp();
                for (int i = 0; i < count; i++) new Prompt(null, others[i]).IsOf(request, calls.AsSpan(0, count));
                least = Math.Min(least, System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds);
            }

            return least;
        }
    }

    [Fact]
    public void Each_call_knows_its_position_and_many_proven_ones_cost_no_search()
    {
        double few = Seconds(4_000), many = Seconds(64_000);
        Assert.True(many < 100 * few, $"{few} s for 4,000 proven calls, {many} s for 64,000"); // searched for, 256 times as long

        static double Seconds(int calls)
        {
            RequestNode request = LinkNodes.Request(0);
            var window = new ProcessWindow();
            window.Requests.Add(request);
            for (int i = 0; i < calls; i++)
            {
                CallNode call = LinkNodes.Call(1 + i);
                call.Proof = LinkProof.SameThread;
                WindowSolver.Insert(request, call);
                window.Proven.Add(call);
            }

            window.Prepare();
            var model = new ServiceModel { TickNs = 1 };
            model.Estimate();
            var judge = new LinkJudge(BoostedTrees.Untrained(), model, 0, 0);
            double least = double.MaxValue;
            for (int i = 0; i < 5; i++)
            {
                long start = System.Diagnostics.Stopwatch.GetTimestamp();
                judge.Judge(window);
                least = Math.Min(least, System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds);
            }

            for (int i = 0; i < calls; i++) Assert.Equal(Math.Log(1 + i), window.Proven[i].Features.Get(Feature.Position), 1e-5);
            return least;
        }
    }

    [Fact]
    public void It_keeps_the_last_of_its_final_calls_only()
    {
        RequestNode request = LinkNodes.Request(0);
        for (int i = 0; i < 1000; i++) WindowSolver.Insert(request, LinkNodes.Call(1 + i));
        request.Forget();
        Assert.Equal((1000, 0), (request.Calls.Count, request.Forgotten)); // none is final
        foreach (CallNode call in request.Calls.Take(900)) call.Conclude();
        request.Forget();
        Assert.Equal((100 + WindowSolver.MostCalls, 900 - WindowSolver.MostCalls), (request.Calls.Count, request.Forgotten));
        Assert.Equal(1000, request.Calls[^1].TimeNs);
    }
}
