using VirtualServices.Infer.Links;

namespace VirtualServices.Infer.Tests;

public sealed class PromptChainsTests
{
    private const int Us = 1000;

    /// <summary>Requests of which two are open at a time; each makes a call.</summary>
    /// <param name="pairs">How many pairs.</param>
    /// <param name="strict">Each reply is prompted by the answer to the request's own call; else by the other request, which arrived last.</param>
    /// <param name="tid">The thread, 0 where not told.</param>
    private static ProcessWindow Pairs(int pairs, bool strict, int tid = 1)
    {
        List<RequestNode> requests = [];
        List<CallNode> calls = [];
        for (int i = 0; i < pairs; i++)
        {
            long at = 1000 * Us * (i + 1L);
            RequestNode one = LinkNodes.Request(at, at + 300 * Us, tid), two = LinkNodes.Request(at + 50 * Us, at + 320 * Us, tid);
            CallNode first = LinkNodes.Call(at + 10 * Us, at + 290 * Us, new Prompt(one, null), tid: tid), second = LinkNodes.Call(at + 60 * Us, at + 310 * Us, new Prompt(two, null), tid: tid);
            one.ReplyPrompt = strict ? new Prompt(null, first) : new Prompt(two, null);
            two.ReplyPrompt = strict ? new Prompt(null, second) : new Prompt(one, null);
            requests.AddRange(one, two);
            calls.AddRange(first, second);
        }

        return LinkNodes.Window(requests, calls);
    }

    [Fact]
    public void Where_each_reply_follows_from_its_own_request_calls_go_to_what_prompted_them()
    {
        var chains = new PromptChains();
        ProcessWindow window = Pairs(40, strict: true);
        chains.Guess([window]);
        Assert.Equal((1, 0, true), (chains.Share, chains.Foreign, chains.IsPrompted));
        Assert.All(window.Calls, call => Assert.Same(call.Prompt.Request, call.Parent));
    }

    [Fact]
    public void Where_replies_follow_from_other_requests_nothing_is_guessed()
    {
        var chains = new PromptChains();
        ProcessWindow window = Pairs(40, strict: false);
        chains.Guess([window]);
        Assert.False(chains.IsPrompted);
        Assert.True(chains.Foreign > 1);
        Assert.All(window.Calls, call => Assert.Null(call.Parent));
    }

    [Fact]
    public void A_call_whose_chain_holds_two_requests_is_left_open()
    {
        var chains = new PromptChains();
        ProcessWindow strict = Pairs(60, strict: true), mixed = Pairs(1, strict: true);
        mixed.Requests[1].ReplyPrompt = new Prompt(null, mixed.Calls[0]); // the other request's call
        chains.Guess([strict, mixed]);
        Assert.True(chains.IsPrompted);
        Assert.All(mixed.Calls, call => Assert.Null(call.Parent));
        Assert.All(strict.Calls, call => Assert.NotNull(call.Parent));
    }

    [Fact]
    public void Few_replies_say_nothing_and_those_of_earlier_windows_count_in_part()
    {
        var chains = new PromptChains();
        chains.Guess([Pairs(16, strict: true)]);
        Assert.Equal((0, 1, false), (chains.Share, chains.Foreign, chains.IsPrompted)); // of each pair, the first reply is sent while the other request is open
        chains.Keep(0.5);
        chains.Guess([Pairs(11, strict: true)]);
        Assert.False(chains.IsPrompted); // 8 and 11
        chains.Guess([Pairs(12, strict: true)]);
        Assert.True(chains.IsPrompted); // 8 and 12: the 11 were not kept
        chains.Guess([Pairs(11, strict: true)]);
        Assert.False(chains.IsPrompted);
    }

    [Fact]
    public void Without_threads_it_takes_requests_that_could_have_come_between() =>
        Assert.Multiple(
            () => Assert.True(Prompted(Pairs(2000, strict: true, tid: 0))), // ten microseconds to the reply, a request each half a millisecond: 80 expected, none came
            () => Assert.False(Prompted(Pairs(100, strict: true, tid: 0))));

    [Fact]
    public void What_prompts_say_is_learnt_and_looked_up_by_which_call_of_the_candidate_it_would_be()
    {
        ServiceModel model = new();
        ProcessWindow window = new();
        for (int i = 0; i < 40; i++)
        {
            // When the second request arrives, the first one has a call, and when the first one makes another, the second one has, too.
            long at = 1000 * Us * (i + 1L);
            RequestNode one = LinkNodes.Request(at, at + 300 * Us, tid: 1), two = LinkNodes.Request(at + 50 * Us, at + 320 * Us, tid: 1);
            CallNode first = LinkNodes.Call(at + 10 * Us, at + 100 * Us, new Prompt(one, null), tid: 1), second = LinkNodes.Call(at + 60 * Us, at + 310 * Us, new Prompt(two, null), tid: 1);
            CallNode third = LinkNodes.Call(at + 110 * Us, at + 290 * Us, new Prompt(null, first), callee: 1, tid: 1);
            one.ReplyPrompt = new Prompt(null, third);
            two.ReplyPrompt = new Prompt(null, second);
            window.Requests.AddRange(one, two);
            window.Calls.AddRange(first, second, third);
        }

        window.Prepare();
        new WindowSolver(model, [window], new SolverStorage()).Solve();
        Assert.All(window.Calls, call => Assert.Same(call.Prompt.Request ?? call.Prompt.Call!.Parent, call.Parent));

        // Nothing is known of first calls that would be another request's: a yes says only how often it is heard at all, against an even chance.
        Assert.Equal(Math.Log(41.0 / 42 / 0.5), model.PromptOf(later: false).Log(true), 9);
        Assert.Equal(Math.Log(41.0 / 42 / (1.0 / 82)), model.PromptOf(later: true).Log(true), 9);
    }

    private static bool Prompted(ProcessWindow window)
    {
        var chains = new PromptChains();
        chains.Guess([window]);
        return chains.IsPrompted;
    }
}
