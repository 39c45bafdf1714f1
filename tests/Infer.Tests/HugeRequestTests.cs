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
        var storage = new SolverStorage();
        var solver = new WindowSolver(model, [window], storage);
        solver.Solve();
        new LinkJudge(BoostedTrees.Untrained(), model, 0, solver.LogNobody, storage).Judge(window);
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
    }

    [Fact]
    public void Each_call_knows_its_position()
    {
        RequestNode request = LinkNodes.Request(0);
        var window = new ProcessWindow();
        window.Requests.Add(request);
        for (int i = 0; i < 64_000; i++)
        {
            CallNode call = LinkNodes.Call(1 + i);
            call.Proof = LinkProof.SameThread;
            request.Insert(call);
            window.Proven.Add(call);
        }

        window.Prepare();
        var model = new ServiceModel { TickNs = 1 };
        model.Estimate();
        new LinkJudge(BoostedTrees.Untrained(), model, 0, 0, new SolverStorage(), keep: true).Judge(window);
        for (int i = 0; i < window.Proven.Count; i++) Assert.Equal(Math.Log(1 + i), window.Proven[i].Features!.Value.Get(Feature.Position), 1e-5);
    }

    [Fact]
    public void It_keeps_the_last_of_its_final_calls_only()
    {
        RequestNode request = LinkNodes.Request(0);
        for (int i = 0; i < 1000; i++) request.Insert(LinkNodes.Call(1 + i));
        request.Forget();
        Assert.Equal((1000, 0), (request.Calls.Count, request.Forgotten)); // none is final
        foreach (CallNode call in request.Calls.Take(900)) call.Conclude();
        request.Forget();
        Assert.Equal((100 + WindowSolver.MostCalls, 900 - WindowSolver.MostCalls), (request.Calls.Count, request.Forgotten));
        Assert.Equal(1000, request.Calls[^1].TimeNs);
    }
}
